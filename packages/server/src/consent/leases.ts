/** Everything that gives a lease and takes it back, put together for one portal. */
import type { Clock } from '@fairtrace/core'
import type { Signer } from '../runtime/jws.ts'
import type { OpenDatabase } from '../store/database.ts'
import { type Changes, watchChanges } from './changes.ts'
import { LeaseOffice } from './device-requests.ts'
import { LeaseCache } from './lease-cache.ts'
import type { ProgrammeReader } from './programme.ts'
import { Push } from './push.ts'
import type { ConsentStore } from './store.ts'

/** One change is announced more than once, and changes come in rows: everybody is told at the first and after the last of them. */
const PUSH_EVERY_MS = 100

export interface Leases {
  readonly office: LeaseOffice
  readonly push: Push
  handleOf(pseudonym: string): string
  /** For who has just changed something about a person: from here on nothing of before is given to them. */
  changed(pseudonym: string): void
  /** Has every device of a person look again, whichever portal it hears. */
  announce(pseudonym: string): Promise<void>
  /** Nothing of before counts for the next lease, and everybody is told. @returns how many devices are connected now */
  fence(): number
  stop(): Promise<void>
}

export interface LeasesOptions {
  readonly database: OpenDatabase
  readonly store: ConsentStore
  readonly programmes: ProgrammeReader
  readonly issuer: Signer
  readonly clock: Clock
  /** @throws `WATCH_SILENT`: nobody captures while nobody watches */
  requireWatchers(): void
  onLease(): void
}

export async function openLeases(options: LeasesOptions): Promise<Leases> {
  const { database, store, programmes, clock } = options
  let changes: Changes | null = null
  const isLive = () => changes?.isLive() ?? false
  const handleOf = (pseudonym: string) => changes?.handleOf(pseudonym) ?? ''
  const cache = new LeaseCache({ store, programmes, isLive, handleOf })
  const push = new Push({ nowMs: () => clock.nowMs(), handleOf })
  let lull: NodeJS.Timeout | null = null
  let isAgain = false
  const tellEverybody = () => {
    if (lull !== null) {
      isAgain = true
      return
    }
    push.revoke('everybody')
    lull = setTimeout(() => {
      lull = null
      if (!isAgain) return
      isAgain = false
      tellEverybody()
    }, PUSH_EVERY_MS)
    lull.unref()
  }
  // Forgotten first: a device that hears of it asks at once.
  changes = await watchChanges(database, {
    onPerson: (handle) => {
      cache.forget(handle)
      push.revoke({ handle })
    },
    onProgramme: () => {
      cache.forgetProgramme()
      tellEverybody()
    },
    onAnything: () => {
      cache.forgetAll()
      tellEverybody()
    },
  }).catch((cause) => {
    push.stop()
    throw cause
  })
  const watching = changes
  return {
    office: new LeaseOffice({ ...options, cache }),
    push,
    handleOf,
    fence() {
      cache.forgetAll()
      tellEverybody()
      return push.connected
    },
    changed: (pseudonym) => cache.forget(handleOf(pseudonym)),
    announce: (pseudonym) => watching.announce(pseudonym),
    async stop() {
      if (lull !== null) clearTimeout(lull)
      push.stop()
      await watching.stop()
    },
  }
}

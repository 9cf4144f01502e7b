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

/**
 * What is announced twice, by the database and by who made the change, is pushed once. Nothing is missed: a device waits longer
 * than this before it asks again.
 */
const PUSHED_ONCE_MS = 100

export interface Leases {
  readonly office: LeaseOffice
  readonly push: Push
  handleOf(pseudonym: string): string
  /** For who has just changed something about a person: from here on nothing of before is given to them. */
  changed(pseudonym: string): void
  stop(): Promise<void>
}

export interface LeasesOptions {
  readonly database: OpenDatabase
  readonly store: ConsentStore
  readonly programmes: ProgrammeReader
  readonly issuer: Signer
  readonly clock: Clock
}

export async function openLeases({ database, store, programmes, issuer, clock }: LeasesOptions): Promise<Leases> {
  let changes: Changes | null = null
  const isLive = () => changes?.isLive() ?? false
  const handleOf = (pseudonym: string) => changes?.handleOf(pseudonym) ?? ''
  const cache = new LeaseCache({ store, programmes, isLive, handleOf })
  const push = new Push({ nowMs: () => clock.nowMs(), handleOf })
  let pushedAtMs = Number.NEGATIVE_INFINITY
  // Forgotten first: a device that hears of it asks at once.
  changes = await watchChanges(database, {
    onPerson: (handle) => {
      cache.forget(handle)
      push.revoke({ handle })
    },
    onProgramme: () => {
      cache.forgetProgramme()
      if (performance.now() - pushedAtMs < PUSHED_ONCE_MS) return
      pushedAtMs = performance.now()
      push.revoke('everybody')
    },
    onAnything: () => {
      cache.forgetAll()
      push.revoke('everybody')
    },
  }).catch((cause) => {
    push.stop()
    throw cause
  })
  const watching = changes
  return {
    office: new LeaseOffice({ store, programmes, cache, issuer }),
    push,
    handleOf,
    changed: (pseudonym) => cache.forget(handleOf(pseudonym)),
    async stop() {
      push.stop()
      await watching.stop()
    },
  }
}

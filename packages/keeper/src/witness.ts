/** The keeper as a C2SP witness of its programme's ledger. */
import { ledgerOrigin } from '@fairtrace/core'
import {
  createWitness,
  formatVerifierKey,
  LOG_KEY_TYPE,
  publicKeyOf,
  verifierKey,
  type Witness,
  type WitnessState,
} from '@fairtrace/verify'
import type { HeldCharter } from './charters.ts'
import type { KeeperStore } from './store.ts'

/** As a charter lists it among its ledger's witnesses. */
export function keeperWitnessName(programme: string): string {
  return `fairtrace/${programme}/keeper`
}

export function keeperWitness({ charter }: HeldCharter, store: KeeperStore, clock: () => number): Witness {
  const origin = ledgerOrigin(charter.programme)
  const log = verifierKey(origin, LOG_KEY_TYPE, publicKeyOf(charter.keys.ledger))
  return createWitness({
    name: keeperWitnessName(charter.programme),
    seed: store.witnessSeed,
    logs: new Map([[origin, formatVerifierKey(log)]]),
    clock,
    storage: {
      read: async (name) => witnessed(store, name),
      // Durable when it returns: `synchronous = FULL`.
      write: async (name, { size, root, note }) => {
        store.db
          .prepare('insert or replace into witnessed (origin, size, root, note) values (?, ?, ?, ?)')
          .run(name, size, root, note)
      },
    },
  })
}

export function witnessed(store: KeeperStore, origin: string): WitnessState | null {
  const row = store.db.prepare('select size, root, note from witnessed where origin = ?').get(origin)
  if (row === undefined || !(row.root instanceof Uint8Array)) return null
  return { size: Number(row.size), root: row.root, note: String(row.note) }
}

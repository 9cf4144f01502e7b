/** A real keeper in a folder of its own, with the test charter's key, behind a real door. Gone after `stop`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Charter, type Clock, charterHash } from '@fairtrace/core'
import { Keeper, type KeeperServer, KeeperStore, serveKeeper } from '@fairtrace/keeper'
import { charterApprovals, TEST_PUBLIC_KEYS, TEST_SEEDS } from './charter.ts'

const PASSPHRASE = 'a passphrase of the custodian'

export interface TestKeeper {
  /** As the vault's context wants it. The address stays the same over restarts. */
  readonly place: { readonly url: string; readonly key: string }
  /** The one that answers now. */
  readonly keeper: Keeper
  readonly folder: string
  /** Nobody answers from here on. */
  stop(): Promise<void>
  /** After `stop`. */
  restart(): Promise<void>
  remove(): Promise<void>
}

export interface TestKeeperOptions {
  readonly charter: Charter
  readonly charterYaml: string
  readonly clock?: Clock
}

export async function startTestKeeper(options: TestKeeperOptions): Promise<TestKeeper> {
  const { charter, charterYaml, clock = { nowMs: () => Date.now() } } = options
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-keeper-'))
  const seed = Buffer.from(TEST_SEEDS.keeper, 'base64url')
  let keeper = new Keeper(KeeperStore.create(folder, PASSPHRASE, 'demonstration', seed), clock)
  keeper.pinCharter(charterYaml, charterApprovals(charterHash(charter)))
  let server: KeeperServer | null = await serveKeeper(keeper, '127.0.0.1', 0)
  const place = { url: server.address, key: TEST_PUBLIC_KEYS.keeper }
  return {
    place,
    folder,
    get keeper() {
      return keeper
    },
    stop,
    async restart() {
      const store = KeeperStore.open(folder, PASSPHRASE)
      try {
        keeper = new Keeper(store, clock)
      } catch (error) {
        store.close()
        throw error
      }
      server = await serveKeeper(keeper, '127.0.0.1', Number(new URL(place.url).port))
    },
    async remove() {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }

  async function stop(): Promise<void> {
    if (server === null) return
    await server.stop()
    server = null
    keeper.close()
  }
}

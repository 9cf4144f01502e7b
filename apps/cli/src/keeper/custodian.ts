/** What a custodian does by hand, on the keeper's folder while the keeper does not run. */
import { readFileSync } from 'node:fs'
import { FairtraceError } from '@fairtrace/core'
import { Keeper, KeeperStore } from '@fairtrace/keeper'
import { systemClock } from '@fairtrace/server/runtime/clock'
import { printJson } from '../terminal.ts'
import { readPassphrase } from './passphrase.ts'

interface Options {
  readonly keeper: string
  readonly passphraseFile?: string
  readonly json?: boolean
}

export async function initKeeper(options: Options): Promise<void> {
  if (KeeperStore.exists(options.keeper)) {
    throw new FairtraceError('DATA_DIR_UNUSABLE', 'this folder holds a keeper already')
  }
  const passphrase = await readPassphrase(options.passphraseFile, true)
  const keeper = new Keeper(KeeperStore.create(options.keeper, passphrase, 'production'), systemClock)
  const { publicKey } = keeper
  keeper.close()
  if (options.json) printJson({ publicKey })
  else console.log(`The keeper is made. Its public key, for the charter (keys.keeper):\n\n  ${publicKey}\n`)
}

export async function pinCharter(options: Options & { charter: string; approvals: string }): Promise<void> {
  const yaml = readText(options.charter)
  const approvals: unknown = parsed(readText(options.approvals), options.approvals)
  await withKeeper(options, (keeper) => {
    const { charter, hash } = keeper.pinCharter(yaml, approvals)
    const witness = keeper.witnessKey()
    if (options.json) printJson({ programme: charter.programme, charter: hash, witness })
    else
      console.log(`The keeper goes by charter ${hash} of ${charter.programme}.\nAs a witness it is:\n\n  ${witness}\n`)
  })
}

export async function showStatus(options: Options): Promise<void> {
  await withKeeper(options, (keeper, store) => {
    const held = keeper.charter()
    const { epoch, checkpoint } = keeper.state()
    const { people, erased, grants, given } = store.counts()
    const facts = {
      publicKey: keeper.publicKey,
      witness: keeper.witnessKey(),
      programme: held?.charter.programme ?? null,
      charter: held?.hash ?? null,
      epoch,
      ledgerSize: checkpoint?.size ?? null,
      people,
      erased,
      grants,
      contentKeysGiven: given,
    }
    if (options.json) return printJson(facts)
    console.log(
      [
        held === null ? 'It has no charter yet: run `fairtrace keeper pin`.' : `It goes by charter ${held.hash}.`,
        `It holds shares of ${people} people, and destroyed those of ${erased}.`,
        `${grants} grants became active by it and were not ended early; it helped to open ${given} content keys.`,
        `The highest epoch it has seen is ${epoch}, the largest log ${checkpoint?.size ?? 0} entries.`,
        `Its public key is ${keeper.publicKey}.`,
      ].join('\n'),
    )
  })
}

export async function endGrant(hash: string, options: Options): Promise<void> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(hash)) throw new FairtraceError('USAGE', 'the hash of a grant has 43 characters')
  await withKeeper(options, (keeper) => {
    keeper.endGrant(hash)
    if (options.json) printJson({ grant: hash, ended: true })
    else console.log('The grant is ended: nothing opens under it any more.')
  })
}

export async function eraseReport(options: Options): Promise<void> {
  await withKeeper(options, (_keeper, store) => {
    const { people, erased } = store.counts()
    if (options.json) printJson({ erased, people })
    else console.log(`The shares of ${erased} people were destroyed; those of ${people} are held.`)
  })
}

async function withKeeper(options: Options, work: (keeper: Keeper, store: KeeperStore) => void): Promise<void> {
  if (!KeeperStore.exists(options.keeper)) throw new FairtraceError('DATA_DIR_UNUSABLE', 'this folder holds no keeper')
  const store = KeeperStore.open(options.keeper, await readPassphrase(options.passphraseFile, false))
  const keeper = new Keeper(store, systemClock)
  try {
    work(keeper, store)
  } finally {
    keeper.close()
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new FairtraceError('INPUT_UNREADABLE', `${file} can't be read`, { cause })
  }
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new FairtraceError('INPUT_UNREADABLE', `${file} is no JSON`, { cause })
  }
}

/** Rolls a keystore's key-encryption key, and dies by its own hand before or after the step that it was told. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { rollWrappingKey } from '@fairtrace/server/vault/key-roll'
import { Keystore } from '@fairtrace/server/vault/keystore'
import type { Kms } from '@fairtrace/server/vault/kms'
import { openLocalKms } from '@fairtrace/server/vault/kms-local'

const [, , folder = '', killAt = '0', day = '0'] = process.argv
let steps = 0

async function step<T>(work: () => Promise<T>): Promise<T> {
  mayDie()
  const result = await work()
  mayDie()
  return result
}

function mayDie(): void {
  if (++steps === Number(killAt)) process.kill(process.pid, 'SIGKILL')
}

const real = openLocalKms(join(folder, 'local-kms'), 'a passphrase for tests')
const kms: Kms = {
  kind: 'local',
  createKey: (name) => step(() => real.createKey(name)),
  wrap: (...args) => step(() => real.wrap(...args)),
  unwrap: (...args) => step(() => real.unwrap(...args)),
  destroyKey: (id) => step(() => real.destroyKey(id)),
  close: () => real.close(),
}
const keystore = new Keystore(folder, kms)
const rewrapSome = keystore.rewrapSome.bind(keystore)
// One secret at a time, so that it can die between any two.
keystore.rewrapSome = async (newest) => {
  for (;;) if ((await step(() => rewrapSome(newest, 1))) === 0) return 0
}
const log = (detail: object) => step(async () => appendFileSync(join(folder, 'log'), `${JSON.stringify(detail)}\n`))
await rollWrappingKey({ keystore, log }, Number(day))
keystore.close()
process.stdout.write(String(steps))

/** The Python example, as it stands in `examples/`, in a real training room; skipped with the reason where a part of it is missing. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { roomOutputKey } from '@fairtrace/server/builder/box-key'
import { requireSandbox } from '@fairtrace/server/room/sandbox'
import { openOutput, outputObject } from '@fairtrace/server/room/sealed-output'
import { FileObjects } from '@fairtrace/server/store/objects'
import { TEST_SEEDS } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RoomGround, startRoomGround } from './room-ground.ts'

const PYTHON = '/usr/bin/python3'
const EXAMPLE = new URL('../examples/train-python/train.py', import.meta.url)
const missing = await whatIsMissing()

async function whatIsMissing(): Promise<string | null> {
  const sandbox = await requireSandbox().catch((error: Error) => error)
  if (sandbox instanceof Error) return sandbox.message
  const libraries = promisify(execFile)(PYTHON, ['-c', 'import pandas, sklearn'])
  return await libraries.then(
    () => null,
    () => `${PYTHON} has no pandas or scikit-learn (apt install python3-pandas python3-sklearn)`,
  )
}

describe.skipIf(missing !== null)(`the Python example${missing === null ? '' : ` (not here: ${missing})`}`, () => {
  let ground: RoomGround
  beforeAll(async () => {
    ground = await startRoomGround()
  })
  afterAll(() => ground?.stop())

  it('trains on the CSV shards of a release, and beats the majority', async () => {
    const release = await ground.release({
      'csv/train-00000-of-00002.csv': csv(0),
      'csv/train-00001-of-00002.csv': csv(1),
    })
    const run = await ground.ask(release, await ground.grantFor(release), {
      command: [PYTHON, '/code/train.py'],
      code: [{ path: 'train.py', content: await readFile(EXAMPLE, 'base64') }],
    })
    const ended = await ground.ended(run)
    expect(ended.state, ended.message ?? '').toBe('in-review')
    const sealed = await new FileObjects(ground.ground.objectsDir).get(outputObject(run))
    const files = openOutput(roomOutputKey(TEST_SEEDS.room, run), run, sealed)
    const text = (name: string) => files.find(({ path }) => path === name)?.content.toString('utf8') ?? ''
    expect(ended.output?.exitCode, text('stderr.txt')).toBe(0)
    expect(JSON.parse(text('metrics.json'))).toMatchObject({
      segments: 200,
      actions: 1_200,
      margin: { isReached: true },
      shards: ['csv/train-00000-of-00002.csv', 'csv/train-00001-of-00002.csv'],
    })
    expect(JSON.parse(text('model.json')).words).toContain('click button')
  })
})

/** A hundred segments that go in a circle from different beginnings, so that the last action says the next. */
function csv(shard: number): string {
  const steps = ['click,button,,', 'type,,,word', 'press,,enter,', 'hover,link,,']
  const rows = Array.from({ length: 100 }, (_, segment) =>
    Array.from({ length: 6 }, (_, step) => {
      const [kind, role, key, text] = (steps[(segment + step) % steps.length] ?? '').split(',')
      return `s${shard}-${segment},${step},${kind},"desktop:orders",${role},${key},${text}`
    }),
  )
  return `segment,step,kind,app,role,key,text_kind\n${rows.flat().join('\n')}\n`
}

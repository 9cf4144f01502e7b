/** Each format read back by somebody else's reader, or against its published vocabulary. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type Action, type ReleaseManifest, readSegments, type Target } from '@fairtrace/core'
import { aCharter, CHARTER_YAML, recordedParts } from '@fairtrace/testing/harness'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stageRelease } from './build-release.ts'
import type { RecordedPart } from './episodes.ts'
import { openReleaseInto } from './open-release.ts'
import { COLUMNS } from './parquet.ts'

const charter = aCharter()
const VECTORS = new URL('../../../testing/vectors/croissant/', import.meta.url)
const button: Target = { role: 'button', label: 'Save', box: [100, 200, 96, 32] }
const cell: Target = { cell: [7, 0] }
/** One action of each kind, with what it becomes. */
const STEPS: readonly (readonly [Action, string])[] = [
  [{ kind: 'hover', target: button }, 'pyautogui.moveTo(x=0.1156, y=0.2700)'],
  [{ kind: 'click', button: 'left', count: 1, target: button }, 'pyautogui.click(x=0.1156, y=0.2700)'],
  [{ kind: 'click', button: 'left', count: 2, target: cell }, 'pyautogui.doubleClick(x=0.9375, y=0.0625)'],
  [{ kind: 'click', button: 'left', count: 3, target: cell }, 'computer.tripleClick(x=0.9375, y=0.0625)'],
  [{ kind: 'click', button: 'right', count: 1, target: cell }, 'pyautogui.rightClick(x=0.9375, y=0.0625)'],
  [{ kind: 'click', button: 'middle', count: 1, target: cell }, 'pyautogui.middleClick(x=0.9375, y=0.0625)'],
  [
    { kind: 'drag', button: 'left', from: button, to: cell },
    "pyautogui.moveTo(x=0.1156, y=0.2700)\npyautogui.dragTo(x=0.9375, y=0.0625, button='left')",
  ],
  [
    { kind: 'scroll', direction: 'down', amount: 4, target: button },
    'pyautogui.moveTo(x=0.1156, y=0.2700)\npyautogui.scroll(-4)',
  ],
  [
    { kind: 'scroll', direction: 'left', amount: 2, target: button },
    'pyautogui.moveTo(x=0.1156, y=0.2700)\npyautogui.hscroll(-2)',
  ],
  [{ kind: 'press', key: 'escape' }, "pyautogui.press(keys=['esc'])"],
  [{ kind: 'hotkey', keys: ['ctrl', 'meta', 'c'] }, "pyautogui.hotkey(keys=['ctrl', 'win', 'c'])"],
  [{ kind: 'hotkey', keys: ['ctrl', 'symbol'] }, "pyautogui.hotkey(keys=['ctrl', '<symbol>'])"],
  [{ kind: 'type', text: 'number', length: 'short' }, "pyautogui.write(message='<number:short>')"],
]

const KEY = new Uint8Array(32).fill(4)
let folder: string
/** Of the release, opened as a training room opens it. */
let directory: string
let manifest: ReleaseManifest
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-formats-'))
  directory = join(folder, 'opened')
  const sealed = join(folder, 'spring')
  const release = { ...charter.release, segmentActionsMax: 20 }
  const known = Array.from({ length: 5 }, (_, i): RecordedPart[] => {
    const start = { person: `0 known ${i}`, recording: `known ${i}`, task: 'enter-order' }
    const toOrders: Action = { kind: 'switch', app: 'desktop:orders' }
    return [
      { ...start, outcome: 'done', actions: [toOrders, ...STEPS.map(([action]) => action)] },
      { ...start, outcome: 'not-done', actions: [toOrders, { kind: 'press', key: 'tab' }] },
      { ...start, outcome: null, actions: [toOrders, { kind: 'press', key: 'home' }] },
    ]
  }).flat()
  const others = recordedParts(charter, { people: 8, recordingsPerPerson: 3, actionsPerRecording: 80 })
  const staged = await stageRelease({
    directory: sealed,
    name: 'spring',
    charter: { ...charter, release },
    charterYaml: CHARTER_YAML,
    seed: '1',
    secret: new Uint8Array(32),
    recipient: 'grant 1',
    key: KEY,
    publishedAtMs: Date.UTC(2026, 9, 1),
    parts: [...known, ...others],
    sign: () => 'a.b.c',
    builder: 'B'.repeat(43),
    rowsPerShard: 500,
  })
  await staged.publish(null)
  manifest = staged.manifest
  await openReleaseInto(sealed, manifest, KEY, directory)
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Trajectory {
  readonly task_id: string
  readonly instruction: string
  readonly traj: readonly {
    readonly index: number
    readonly image: string
    readonly value: { readonly code: string }
  }[]
}

function trajectories(): Trajectory[] {
  const names = readdirSync(join(directory, 'agentnet')).toSorted()
  return names.flatMap((name) =>
    readFileSync(join(directory, 'agentnet', name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): Trajectory => JSON.parse(line)),
  )
}

/** The one that was made of STEPS. */
function knownTrajectory(): Trajectory | undefined {
  return trajectories().find(({ traj }) => traj.some(({ value }) => value.code.includes('<symbol>')))
}

/** By DuckDB: every row, in order. */
async function rows(): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const result = await connection.runAndReadAll(`select * from '${directory}/data/*.parquet'`)
  connection.closeSync()
  instance.closeSync()
  return result.getRowObjects()
}

describe('AgentNet', () => {
  it('has exactly the fields that the format needs, and says only what participants marked of an end', () => {
    const all = trajectories()
    expect(all.length).toBeGreaterThan(5)
    for (const { traj, ...head } of all) {
      expect(Object.keys(head)).toEqual(['task_id', 'instruction'])
      expect(charter.capture.tasks.map(({ instruction }) => instruction)).toContain(head.instruction)
      expect(traj.map(({ index }) => index)).toEqual(traj.map((_, i) => i))
      const ends = traj.flatMap(({ value }, i) =>
        value.code.startsWith('computer.terminate') ? [traj.length - i] : [],
      )
      expect([[], [1]]).toContainEqual(ends)
      for (const step of traj) expect(Object.keys(step)).toEqual(['index', 'image', 'value'])
    }
  })

  it('writes every kind of action as pyautogui knows it', () => {
    const codes = trajectories().map(({ traj }) => traj.map(({ value }) => value.code))
    const expected = [...STEPS.map(([, code]) => code), "computer.terminate(status='success')"]
    expect(codes.filter((list) => JSON.stringify(list) === JSON.stringify(expected))).toHaveLength(5)
  })

  it('ends with success where a task was done, with failure where it was not, and else just stops', () => {
    const last = trajectories().map(({ traj }) => traj.at(-1)?.value.code ?? '')
    const ended = last.filter((code) => code.startsWith('computer.terminate'))
    expect(new Set(ended)).toEqual(
      new Set(["computer.terminate(status='success')", "computer.terminate(status='failure')"]),
    )
    expect(ended.length).toBeLessThan(last.length)
  })

  it('uses no call that OpenCUA does not read', () => {
    const calls =
      /^(?:pyautogui\.(?:click|doubleClick|rightClick|middleClick|moveTo|dragTo|scroll|hscroll|write|press|hotkey)|computer\.(?:tripleClick|terminate))\(.*\)$/
    for (const { traj } of trajectories()) {
      for (const { value } of traj) for (const line of value.code.split('\n')) expect(line).toMatch(calls)
    }
  })

  it('names pictures that are there, each the schematic with the target of its step', () => {
    const known = knownTrajectory()
    const images = known?.traj.map(({ image }) => image) ?? []
    for (const { traj } of trajectories()) {
      for (const { image } of traj)
        expect(readdirSync(join(directory, 'schematic'))).toContain(image.slice('schematic/'.length))
    }
    const first = PNG.sync.read(readFileSync(join(directory, images[0] ?? '')))
    expect([first.width, first.height, first.data[4 * (216 * 1280 + 148)]]).toEqual([1280, 800, 0])
    // A step without a target shows the screen as the step before left it.
    expect(images[9]).toBe(images[8])
  })
})

describe('Parquet', () => {
  it('is laid out as Hugging Face datasets expects, in shards of bounded size', () => {
    const names = readdirSync(join(directory, 'data')).toSorted()
    const count = String(names.length).padStart(5, '0')
    expect(names.length).toBeGreaterThan(2)
    expect(names).toEqual(names.map((_, i) => `train-${String(i).padStart(5, '0')}-of-${count}.parquet`))
  })

  it('holds every action of every segment, with names and nulls where they belong', async () => {
    const all = await rows()
    const known = knownTrajectory()
    const mine = all.filter(({ segment }) => segment === known?.task_id)
    const absent = Object.fromEntries(COLUMNS.map(({ name }) => [name, null]))
    const head = {
      ...absent,
      segment: known?.task_id,
      app: 'desktop:orders',
      task: 'enter-order',
      instruction: 'Enter a new order.',
      outcome: 'done',
    }
    const target = { role: 'button', label: 'Save', x: 100, y: 200, width: 96, height: 32 }
    expect(mine[0]).toEqual({ ...head, step: 0, kind: 'hover', ...target })
    expect(mine[2]).toEqual({ ...head, step: 2, kind: 'click', button: 'left', count: 2, cell: 7 })
    expect(mine[6]).toEqual({ ...head, step: 6, kind: 'drag', button: 'left', ...target, to_cell: 7 })
    expect(mine[7]).toEqual({ ...head, step: 7, kind: 'scroll', direction: 'down', amount: 4, ...target })
    expect(mine[9]).toEqual({ ...head, step: 9, kind: 'press', key: 'escape' })
    expect(mine[10]).toEqual({ ...head, step: 10, kind: 'hotkey', keys: 'ctrl+meta+c' })
    expect(mine[12]).toEqual({ ...head, step: 12, kind: 'type', text_kind: 'number', length: 'short' })
  })

  it('reads the same in hyparquet', async () => {
    const expected = await rows()
    const read: Record<string, unknown>[] = []
    for (const name of readdirSync(join(directory, 'data')).toSorted()) {
      read.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(join(directory, 'data', name)) })))
    }
    expect(read).toEqual(expected)
  })

  it('names each trajectory as its segment', async () => {
    const segments = new Set((await rows()).map(({ segment }) => segment))
    for (const { task_id } of trajectories()) expect(segments.has(task_id)).toBe(true)
  })
})

describe('CSV', () => {
  it('reads back as the same table, in DuckDB', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const read = `read_csv('${directory}/csv/*.csv', header = true, all_varchar = true)`
    const columns = COLUMNS.map(({ name }) => `"${name}"::varchar as "${name}"`).join(', ')
    const difference = await connection.runAndReadAll(
      `select count(*) as n from ((select ${columns} from '${directory}/data/*.parquet') except all (select * from ${read}))`,
    )
    const count = await connection.runAndReadAll(`select count(*) as n from ${read}`)
    connection.closeSync()
    instance.closeSync()
    expect(Number(difference.getRowObjects()[0]?.n)).toBe(0)
    expect(Number(count.getRowObjects()[0]?.n)).toBe((await rows()).length)
  })
})

describe('readSegments', () => {
  it('gives back the actions that went in, from rows of the table', async () => {
    const segments = await all(readSegments(await rows()))
    const known = segments.find(({ name }) => name === knownTrajectory()?.task_id)
    expect(known).toEqual({
      name: known?.name,
      app: 'desktop:orders',
      task: 'enter-order',
      outcome: 'done',
      actions: STEPS.map(([action]) => action),
    })
    expect(segments.length).toBe(manifest.counts.segments)
  })

  it('refuses rows that are out of order', async () => {
    const [first, second] = (await rows()).filter(({ segment }) => segment === knownTrajectory()?.task_id)
    await expect(all(readSegments([second ?? {}, first ?? {}]))).rejects.toMatchObject({
      code: 'RELEASE_SHARD_MISMATCH',
    })
  })
})

describe('the lineage', () => {
  it('leads from every shard to the recordings, in terms of PROV alone', () => {
    const graph: Record<string, unknown>[] = JSON.parse(readFileSync(join(directory, 'lineage.json'), 'utf8'))['@graph']
    const ids = new Set(graph.map((node) => node['@id']))
    const shards = graph.filter((node) => node['prov:atLocation'] !== undefined)
    expect(shards.length).toBe(manifest.shards.length)
    for (const node of graph) {
      for (const [key, value] of Object.entries(node)) {
        expect(key).toMatch(/^(?:@id|@type|label|prov:\w+|fairtrace:\w+)$/)
        for (const item of [value].flat()) {
          if (typeof item === 'object' && item !== null && Object.keys(item).join() === '@id')
            expect(ids).toContain((item as { '@id': string })['@id'])
        }
      }
    }
  })
})

describe('the Croissant card', () => {
  const card = () => JSON.parse(readFileSync(join(directory, 'croissant.json'), 'utf8'))

  it('has what Croissant 1.1 and RAI 1.0 require', () => {
    const required = [
      '@context',
      '@type',
      'dct:conformsTo',
      'description',
      'license',
      'name',
      'url',
      'creator',
      'datePublished',
    ]
    const rai = [
      'dataCollection',
      'dataCollectionType',
      'dataCollectionTimeframe',
      'dataPreprocessingProtocol',
      'personalSensitiveInformation',
      'dataBiases',
      'dataLimitations',
      'dataUseCases',
      'dataSocialImpact',
    ]
    const lineage = ['prov:wasDerivedFrom', 'prov:wasGeneratedBy', 'usageInfo']
    expect(Object.keys(card())).toEqual(
      expect.arrayContaining([...required, ...lineage, ...rai.map((name) => `rai:${name}`)]),
    )
    expect(card()['dct:conformsTo']).toContain('http://mlcommons.org/croissant/1.1')
    expect(card().datePublished).toBe('2026-10-01')
    expect(card().usageInfo['@type']).toContain('odrl:Offer')
  })

  it('uses only terms of the published vocabularies, under the published context', () => {
    const example = JSON.parse(readFileSync(new URL('example-mnist.json', VECTORS), 'utf8'))['@context']
    expect(card()['@context']).toMatchObject(example)
    const terms = new Set(
      ['croissant.ttl', 'croissant_rai.ttl'].flatMap((name) =>
        [...readFileSync(new URL(name, VECTORS), 'utf8').matchAll(/^(croissant|rai):(\w+) a /gm)].map(
          ([, prefix, term]) => `${prefix === 'rai' ? 'rai' : 'cr'}:${term}`,
        ),
      ),
    )
    const used = new Set<string>()
    collectTerms(card(), card()['@context'], used)
    expect(used.size).toBeGreaterThan(15)
    expect([...used].filter((term) => !terms.has(term))).toEqual([])
  })

  it('describes each file with its digest and each column once', () => {
    const objects = card().distribution.filter((entry: { '@type': string }) => entry['@type'] === 'cr:FileObject')
    for (const { name, contentUrl, sha256 } of objects) {
      expect(manifest.shards).toContainEqual(expect.objectContaining({ path: name, sha256 }))
      expect(contentUrl).toBe(`shards/${sha256}`)
    }
    const folders = ['data', 'csv', 'agentnet', 'anthropic', 'openai', 'osworld']
    expect(objects.length).toBe(folders.flatMap((name) => readdirSync(join(directory, name))).length)
    const fields = card().recordSet[0].field.map((field: { name: string }) => field.name)
    expect(fields).toEqual(COLUMNS.map(({ name }) => name))
  })
})

describe('the data sheet', () => {
  it('says what a reader must know before training on it', () => {
    const sheet = readFileSync(join(directory, 'README.md'), 'utf8')
    for (const said of [
      'participants are simulated',
      '<number:short>',
      'No attacker was run',
      'Nobody owns more than 0.3',
      'computer.terminate',
      '1280 × 800',
      'must not leave a demonstration',
    ]) {
      expect(sheet).toContain(said)
    }
    expect(sheet.startsWith('---\npretty_name: "spring"\nconfigs:\n')).toBe(true)
  })
})

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Every `cr:` and `rai:` term that a value uses, as key or as type, through its context. */
function collectTerms(value: unknown, context: Record<string, unknown>, used: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collectTerms(item, context, used)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  for (const [key, inner] of Object.entries(value)) {
    if (key === '@context') continue
    const mapped = context[key]
    const expanded = typeof mapped === 'string' ? mapped : ((mapped as { '@id'?: string } | undefined)?.['@id'] ?? key)
    const types = key === '@type' ? [inner].flat() : []
    for (const term of [expanded, ...types]) if (typeof term === 'string' && /^(?:cr|rai):/.test(term)) used.add(term)
    collectTerms(inner, context, used)
  }
}

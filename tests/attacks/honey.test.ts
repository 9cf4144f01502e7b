/** Attacks on honey participants: telling them from others without the key, and carrying their data off unseen. */
import { createHmac, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Action, type Charter, checkConformance, shieldSettings } from '@fairtrace/core'
import { actionToken, tokensIn } from '@fairtrace/server/sentinel/honey/action-token'
import { allHoneyIds, honeyId } from '@fairtrace/server/sentinel/honey/honey-ids'
import { honeyPseudonymsAmong } from '@fairtrace/server/sentinel/honey/honey-people'
import { EVIDENCE_BITS, HoneyRun, WindowBits, windowKeyOf } from '@fairtrace/server/sentinel/honey/honey-runs'
import { openDatabase } from '@fairtrace/server/store/database'
import { aCharter, TEST_HONEY_KEY } from '@fairtrace/testing/harness'
import { SIMULATED_APPS, simulatedActions } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SteeredActions } from '../../apps/cli/src/honey/steered-actions.ts'
import { HONEY, type SweepGround, startSweepGround } from '../sweep-ground.ts'

const { capture, shield } = aCharter()
const OFFICE = aCharter({ capture: { ...capture, apps: SIMULATED_APPS } })
let swept: SweepGround

beforeAll(async () => {
  swept = await startSweepGround()
})
afterAll(() => swept.stop())

describe('somebody without the key', () => {
  it('finds no bit of an id of honey participants more often set than one of anybody', () => {
    const ids = [...allHoneyIds(TEST_HONEY_KEY).keys()].map((id) => Buffer.from(id, 'base64url'))
    // Every bit, and every pair of neighbouring bits: within five standard deviations of a half.
    const bound = 5 * Math.sqrt(ids.length / 4)
    for (let bit = 0; bit < 127; bit++) {
      const at = (id: Buffer, n: number) => ((id[n >> 3] ?? 0) >> (n & 7)) & 1
      const ones = ids.filter((id) => at(id, bit) === 1).length
      const same = ids.filter((id) => at(id, bit) === at(id, bit + 1)).length
      expect(Math.abs(ones - ids.length / 2)).toBeLessThan(bound)
      expect(Math.abs(same - ids.length / 2)).toBeLessThan(bound)
    }
  })

  it('gets no id with another key, and no evidence from a recording', () => {
    const other = randomBytes(32).toString('base64url')
    const theirs = allHoneyIds(other)
    expect([...allHoneyIds(TEST_HONEY_KEY).keys()].some((id) => theirs.has(id))).toBe(false)
    expect(evidence(other, honeyRecording(90))).toBeLessThan(EVIDENCE_BITS / 2)
  })

  it('finds kinds of actions in honey recordings as often as in those of others', () => {
    const steered = new SteeredActions(TEST_HONEY_KEY, 43, OFFICE)
    const honey = kinds(Array.from({ length: 20 }, () => honeyRecording(90, steered)).flat())
    const others = Array.from({ length: 8 }, (_, seed) => kinds(simulatedActions(100 + seed, 1_800)))
    for (const kind of ['click', 'type', 'hover', 'switch', 'press', 'hotkey', 'scroll']) {
      const shares = others.map((counts) => counts.get(kind) ?? 0)
      const spread = Math.max(0.04, Math.max(...shares) - Math.min(...shares))
      const middle = shares.reduce((sum, share) => sum + share, 0) / shares.length
      expect(Math.abs((honey.get(kind) ?? 0) - middle)).toBeLessThan(2 * spread)
    }
  })

  it('learns nothing from the answer to who is honey: it is signed, sealed, and as long whatever it says', async () => {
    const database = openDatabase(swept.ground.database.url('builder'), 2)
    try {
      const others = Array.from({ length: 20 }, () => randomBytes(16).toString('base64url'))
      const among = await honeyPseudonymsAmong(database, [...others, HONEY.pseudonym])
      expect([...among]).toEqual([HONEY.pseudonym])
      expect((await honeyPseudonymsAmong(database, others)).size).toBe(0)
    } finally {
      await database.close()
    }
  })

  it('gets no answer believed that the scanner did not sign', async () => {
    const { sql } = swept.ground
    const database = openDatabase(swept.ground.database.url('builder'), 2)
    await sql.query(`create function scanner.forge() returns trigger language plpgsql as $$
      begin new.answer := 'eyJ0eXAiOiJmdC1ob25leS1hbnN3ZXIrand0IiwiYWxnIjoiRWREU0EifQ.e30.AAAA'; return new; end $$;
      create trigger forge before insert on scanner.honey_questions for each row execute function scanner.forge()`)
    try {
      await expect(honeyPseudonymsAmong(database, [HONEY.pseudonym])).rejects.toMatchObject({ code: 'HONEY_UNKNOWN' })
    } finally {
      await sql.query('drop trigger forge on scanner.honey_questions; drop function scanner.forge()')
      await database.close()
    }
  })
})

describe('what honey participants did', () => {
  it('is recognised in JSON, in rows, in AgentNet code, and weighs nothing in what others did', () => {
    for (let i = 0; i < 5; i++) expect(evidence(TEST_HONEY_KEY, honeyRecording(90))).toBeGreaterThan(EVIDENCE_BITS)
    for (let seed = 0; seed < 10; seed++) {
      expect(evidence(TEST_HONEY_KEY, simulatedActions(500 + seed, 3_000))).toBeLessThan(EVIDENCE_BITS / 2)
    }
    const recording = honeyRecording(90)
    const words = recording.flatMap((action) => actionToken(action) ?? [])
    expect([...tokensIn(JSON.stringify({ actions: recording }))]).toEqual(words)
    expect([...tokensIn(JSON.stringify({ line: JSON.stringify(recording) }))]).toEqual(words)
  })

  it('is evidence by chance in no more than the stated share of runs', () => {
    const bits = new WindowBits(windowKeyOf(TEST_HONEY_KEY))
    let most = 0
    for (let run = 0; run < 20; run++) {
      const weighed = new HoneyRun(bits)
      for (let i = 0; i < 5_000; i++)
        weighed.push(createHmac('sha256', `${run}`).update(`${i}`).digest('hex').slice(0, 4))
      most = Math.max(most, weighed.best)
    }
    // 100,000 windows reach log2(100,000) = 17 bits by Wald's bound, and some more now and then.
    expect(most).toBeLessThan(30)
  })
})

describe('the work of a honey participant', () => {
  const one = capture.apps.filter(({ id }) => id.startsWith('web:'))
  it.each([
    ['with other apps', aCharter()],
    ['with one app', aCharter({ capture: { ...capture, apps: one } })],
    ['without switches', aCharter({ capture: { ...capture, categories: ['pointer', 'keyboard'] } })],
    ['of cells and kinds', aCharter({ shield: { ...shield, pointer: 'cell', keyboard: 'kind', labels: 'none' } })],
    ['with few roles', aCharter({ shield: { ...shield, roles: ['button'] } })],
  ] as const)('keeps to a charter %s, and is recognised', (_what, charter: Charter) => {
    const steered = new SteeredActions(TEST_HONEY_KEY, 42, charter)
    const settings = shieldSettings(charter)
    for (let i = 0; i < 3; i++) {
      const recording = honeyRecording(90, steered)
      let app: string | undefined
      for (const action of recording) {
        if (action.kind === 'switch') app = action.app
        expect(checkConformance(action, settings, app)).toBeNull()
      }
      const switches = recording.filter(({ kind }) => kind === 'switch').length
      if (charter.capture.categories.includes('switches')) expect(recording[0]?.kind).toBe('switch')
      else expect(switches).toBe(0)
      expect(evidence(TEST_HONEY_KEY, recording)).toBeGreaterThan(EVIDENCE_BITS)
    }
  })

  it('is refused by a charter that lets out nothing that anybody could do', () => {
    const charter = aCharter({ capture: { ...capture, categories: ['switches'], apps: one } })
    expect(() => new SteeredActions(TEST_HONEY_KEY, 42, charter)).toThrow('lets out nothing')
  })
})

describe('a copy that was carried off', () => {
  it('is found in a table whose columns were renamed, in a log line, in an export and in a compressed dump', async () => {
    const { sql } = swept.ground
    await sql.query('create database elsewhere')
    await sql.query(`create role looks login password 'looks' in role pg_read_all_data`)
    const at = new URL(swept.ground.database.superuserUrl)
    at.pathname = '/elsewhere'
    const { default: pg } = await import('pg')
    const other = new pg.Client({ connectionString: at.href })
    await other.connect()
    await other.query('create table t (a text, b jsonb)')
    await other.query('insert into t values ($1, null)', [HONEY.recording])
    await other.query('create table u (x jsonb)')
    await other.query('insert into u values ($1)', [JSON.stringify({ steps: honeyRecording(90) })])
    await other.query('create table v (x jsonb)')
    await other.query('insert into v values ($1)', [JSON.stringify({ steps: simulatedActions(9, 200) })])
    await other.end()
    swept.access.elsewhere = { user: 'looks', password: 'looks' }
    const folder = swept.folder('exports')
    writeFileSync(
      join(folder, 'export.jsonl'),
      honeyRecording(90)
        .map((action) => JSON.stringify(action))
        .join('\n'),
    )
    writeFileSync(
      join(folder, 'others.jsonl'),
      simulatedActions(11, 400)
        .map((action) => JSON.stringify(action))
        .join('\n'),
    )
    writeFileSync(join(folder, 'dump.sql.gz'), gzipSync(`COPY x FROM stdin;\n${HONEY.pseudonym}\t1\n`))
    mkdirSync(join(swept.dataDir, 'logs'), { recursive: true })
    writeFileSync(join(swept.dataDir, 'logs/portal.log'), `{"msg":"who","person":"${HONEY.pseudonym}"}\n`)
    const places = [
      { name: 'elsewhere', at: `postgresql://${at.host}/elsewhere` },
      { name: 'exports', at: `file://${folder}` },
    ]
    const subjects: string[] = []
    for (const place of ['elsewhere', 'exports', 'own-logs']) {
      const { found } = await swept.sweep(places, place)
      for (const { kind, subject } of found.get(place) ?? []) subjects.push(`${kind} ${subject}`)
    }
    expect(subjects.toSorted()).toEqual([
      'marker-seen place elsewhere: public.t',
      'marker-seen place elsewhere: public.u',
      'marker-seen place exports: dump.sql.gz',
      'marker-seen place exports: export.jsonl',
      'marker-seen place own-logs: portal.log',
    ])
  })

  it("raises no alarm for a participant's own id", async () => {
    const folder = swept.folder('own')
    const ids = Array.from({ length: 5_000 }, () => randomBytes(16).toString('base64url'))
    writeFileSync(join(folder, 'ids.txt'), ids.join('\n'))
    const { found } = await swept.sweep([{ name: 'own', at: `file://${folder}` }], 'own')
    expect(found.get('own')).toEqual([])
    expect(ids).not.toContain(honeyId(TEST_HONEY_KEY, 'pseudonym', 0))
  })
})

function honeyRecording(count: number, steered = new SteeredActions(TEST_HONEY_KEY, 42, OFFICE)): Action[] {
  return [steered.begin(), ...Array.from({ length: count - 1 }, () => steered.next())]
}

function evidence(key: string, actions: readonly Action[]): number {
  const run = new HoneyRun(new WindowBits(windowKeyOf(key)))
  for (const action of actions) {
    const token = actionToken(action)
    if (token !== null) run.push(token)
  }
  return run.best
}

function kinds(actions: readonly Action[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { kind } of actions) counts.set(kind, (counts.get(kind) ?? 0) + 1 / actions.length)
  return counts
}

/**
 * The story of the design's first paragraph, replayed: a wrong access list on a derived copy, found and locked; a first fix that doesn't
 * hold; the real one; root cause, notices, a drill of the same fault, an unannounced one, four signatures, and the gate.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FairtraceError, gateStatementHash, gateStatementSchema } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { assuranceCaseSchema } from '@fairtrace/server/assurance/case'
import { z } from 'zod'
import { staffSession } from '../access/staff-session.ts'
import { withPasskey } from '../demo/passkeys.ts'
import { readPeople } from '../demo/people.ts'
import { signGateStatement } from '../gate/sign-gate.ts'
import { DRILLS } from './catalogue.ts'
import { areClosed, isLocked, plantAll, type Subjects, statement, waitFound } from './exposed.ts'
import { type Ground, openGround } from './ground.ts'
import { announced, newRun, runDrill, runUnannounced } from './run.ts'

const COPY = 'release.copy_for_analysis'
const SUBJECTS: Subjects = [
  { kind: 'reader-unexpected', subject: `table ${COPY}` },
  { kind: 'guard-changed', subject: `table ${COPY}` },
]
/** The scanner finds that it looks like ours, too. */
const SWEPT: Subjects = [{ kind: 'copy-found', subject: `place own-database: ${COPY}` }]
/** Drills of the faults that the story plants. */
const SAME_FAULT = ['wrong-table-right', 'wrong-owner', 'copied-table'] as const
const CAUSE = {
  text: 'A copy of the vault’s index was made for an analysis, and another process was let read it; nobody had asked for either.',
  safeguards: ['table-rights-watched', 'owners-watched', 'copies-swept'],
  actions: [{ what: 'Drop the copy; make no copies outside a release.', owner: 'operator', dueOn: '2030-01-31' }],
}
const anything = z.unknown()
const gateSchema = z.object({
  state: z.string(),
  epoch: z.int(),
  missing: z.array(z.object({ sentence: z.string(), what: z.string().nullable() })),
})
const statementSchema = z.object({ statement: gateStatementSchema })
const incidentsSchema = z.object({
  incidents: z.array(z.object({ id: z.string(), epoch: z.int(), isRehearsal: z.boolean() })),
})

export interface IncidentStory {
  readonly incident: string
  readonly detectMs: number
  readonly reopened: number
  /** The drill that the representative's nonce picked. */
  readonly unannounced: string
  readonly state: string
  readonly epoch: number
  /** Written files: the record of the incident. */
  readonly files: readonly string[]
}

/**
 * @param folder where the record goes
 * @throws `DRILL_FAILED` where a step did not go as the design says, with which one
 */
export async function replayIncident(
  dir: DataDir,
  folder: string,
  onStep: (sentence: string, done: number, total: number) => void = () => undefined,
): Promise<IncidentStory> {
  const step = (sentence: string) => onStep(sentence, 0, 1)
  const dana = await staffSession({ data: dir.root }, 'data-protection')
  const owner = await staffSession({ data: dir.root }, 'programme-owner')
  await drillWhatLacks(dir, onStep)
  const ground = await openGround({ dir, run: newRun(), execArgv: [] })
  try {
    step('A copy with a wrong access list')
    const plantedAtMs = Date.now()
    await plantAll(ground, wrongCopy(ground))
    await requireStep(isFound(ground, [...SUBJECTS, ...SWEPT], plantedAtMs), 'the copy was not found')
    await requireStep(isLocked(ground), 'the programme was not locked')
    const detectMs = await firstFoundMs(ground, plantedAtMs)

    step('A first fix, which does not hold')
    await ground.sql.query(`revoke select on ${COPY} from fairtrace_room`)
    await requireStep(areClosed(ground, SUBJECTS.slice(0, 1)), 'the first fix was not seen')
    await ground.sql.query(`grant select on ${COPY} to fairtrace_room`)
    const reopened = await timesReopened(ground)
    await requireStep(Promise.resolve(reopened > 0), 'what came back was not reopened')

    step('The real fix')
    await ground.plants.removeAll(ground.run)
    await ground.sql.query('insert into scanner.requests (place) values (null)')
    await requireStep(areClosed(ground, [...SUBJECTS, ...SWEPT]), 'the exposure was not closed')

    step('Root cause and notices')
    const { incidents } = await dana.get('/api/incidents', incidentsSchema)
    const incident = incidents.find(({ isRehearsal }) => !isRehearsal)?.id
    if (incident === undefined) throw failed('no incident was opened')
    await dana.post(`/api/incidents/${incident}/cause`, CAUSE, anything)
    await dana.post(`/api/incidents/${incident}/notices`, {}, anything)
    await dana.post(`/api/incidents/${incident}/notices/send`, {}, anything)

    step('Drills of the same fault')
    for (const id of SAME_FAULT) {
      const { passed, why } = await runDrill(dir, announced(id), true)
      if (!passed) throw failed(`the drill ${id} did not pass: ${why}`)
    }
    step('A drill that nobody could prepare for')
    const representative = readPeople(dir).approvers.find(({ role }) => role === 'worker-representative')
    if (representative === undefined) throw failed('there is no representative')
    const unannounced = await runUnannounced(dir, representative)
    if (!unannounced.passed) throw failed(`the unannounced drill ${unannounced.id} did not pass: ${unannounced.why}`)

    step('Four signatures, and the gate')
    const drawn = await dana.post('/api/gate/statements', {}, statementSchema)
    const hash = gateStatementHash(drawn.statement)
    for (const { name, seed } of readPeople(dir).quorum) {
      await dana.post('/api/gate/signatures', { hash, ...signGateStatement(hash, name, seed) }, anything)
    }
    await withPasskey(owner, ground.runtime.portalUrl, async (confirm) => {
      await confirm('run-programme')
      await owner.post('/api/gate/open', {}, anything)
    })
    const { state, epoch } = await dana.get('/api/gate', gateSchema)
    await mkdir(folder, { recursive: true })
    const files: string[] = []
    for (const [format, ending] of [
      ['markdown', 'md'],
      ['html', 'html'],
    ] as const) {
      const file = join(folder, `incident.${ending}`)
      await writeFile(file, await dana.bytes(`/api/incidents/${incident}/export?format=${format}`), { mode: 0o600 })
      files.push(file)
    }
    return { incident, detectMs, reopened, unannounced: unannounced.id, state, epoch, files }
  } finally {
    await ground.plants.removeAll(ground.run)
    await ground.close()
  }
}

/** The gate wants fresh evidence of every safeguard; what a lockdown keeps from being drilled has to be there before. */
async function drillWhatLacks(
  dir: DataDir,
  onStep: (sentence: string, done: number, total: number) => void,
): Promise<void> {
  const dana = await staffSession({ data: dir.root }, 'data-protection')
  const { safeguards } = await dana.get('/api/assurance', assuranceCaseSchema)
  const lacking = DRILLS.filter(({ id }) => safeguards.some(({ drill, state }) => drill === id && state !== 'fresh'))
  for (const [i, { id }] of lacking.entries()) {
    onStep('Drills, for evidence that counts', i, lacking.length)
    const { passed, why } = await runDrill(dir, announced(id), null)
    if (!passed) throw failed(`the drill ${id} did not pass: ${why}`)
  }
}

function wrongCopy(ground: Ground) {
  return [
    statement(ground, `create table ${COPY} as select * from vault.chunks`, `drop table if exists ${COPY}`),
    // Gone with the table.
    statement(ground, `grant select on ${COPY} to fairtrace_room`, 'select'),
    statement(ground, 'insert into scanner.requests (place) values (null)', 'select'),
  ]
}

async function isFound(ground: Ground, subjects: Subjects, sinceMs: number): Promise<boolean> {
  return (await waitFound(ground, subjects, sinceMs)) >= subjects.length
}

async function firstFoundMs({ sql }: Ground, sinceMs: number): Promise<number> {
  const { rows } = await sql.query('select min(found_at_ms) as at from install.exposures where found_at_ms >= $1', [
    sinceMs,
  ])
  return Number(rows[0]?.at) - sinceMs
}

async function timesReopened({ sql, until, detectMsMax }: Ground): Promise<number> {
  const [wanted] = SUBJECTS
  const times = await until(async () => {
    const { rows } = await sql.query(
      `select reopened from install.exposures where kind = $1 and subject = $2 and reopened > 0 and state in ('open', 'contained')`,
      [wanted?.kind, wanted?.subject],
    )
    return rows[0] === undefined ? null : Number(rows[0].reopened)
  }, detectMsMax)
  return times ?? 0
}

async function requireStep(isSo: Promise<boolean>, otherwise: string): Promise<void> {
  if (!(await isSo)) throw failed(otherwise)
}

function failed(message: string): FairtraceError {
  return new FairtraceError('DRILL_FAILED', message)
}

/**
 * One run, from request to output: limits → budget → ledger → key → sandbox → output, sealed → ledger.
 *
 * The ledger knows of a run before the key of its release opens. Whatever fails keeps nothing of what the program wrote.
 */
import { join } from 'node:path'
import { type Charter, type Clock, FairtraceError, grantHash } from '@fairtrace/core'
import { roomBoxKey, roomOutputKey } from '../builder/box-key.ts'
import { appendToLedger } from '../ledger/append.ts'
import { readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { FileObjects } from '../store/objects.ts'
import { RUN_DELTA, spend } from './budget.ts'
import { openRelease } from './open-release.ts'
import { type OutputSummary, summaryOf, type TakenOutput, takeOutput } from './output.ts'
import { fillRelease, type RoomManifest, readManifest } from './release-files.ts'
import { codeDigest, limitsOf, OWN_TRAINER, type RunRequest, runRequestSchema } from './run-request.ts'
import { watchRun, whyOver } from './run-watch.ts'
import { type LimitHit, requireSandbox, runInSandbox } from './sandbox.ts'
import { outputObject, sealOutput } from './sealed-output.ts'

export const RUN_STARTED_ENTRY = 'room.started'
export const RUN_ENDED_ENTRY = 'room.ended'

export interface RunInput {
  readonly database: OpenDatabase
  readonly objectsDir: string
  readonly seed: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface EndedRun extends OutputSummary {
  readonly exitCode: number
  readonly wallMs: number
  readonly startedIndex: number
  readonly endedIndex: number
}

/** @throws the code under which the run was refused, failed or was stopped */
export async function run(id: string, release: string, request: unknown, input: RunInput): Promise<EndedRun> {
  const parsed = runRequestSchema.safeParse(request)
  if (!parsed.success) throw new FairtraceError('BODY_INVALID', 'the request for a run is malformed')
  const asked = parsed.data
  const { grant, wish } = asked
  if (grant.scope.kind !== 'release' || grant.scope.release !== release)
    throw new FairtraceError('GRANT_INVALID', 'the grant is for another release')
  const box = roomBoxKey(input.seed)
  if (grant.recipientKey !== box.publicKeyRaw.toString('base64url'))
    throw new FairtraceError('GRANT_INVALID', "the grant names another recipient than this room's key")
  const charter = await charterOf(input.database)
  const limits = limitsOf(charter, wish)
  const bwrap = await requireSandbox()
  const over = await whyOver(input.database, grant, release, input.clock)
  if (over !== null) throw new FairtraceError('ROOM_STOPPED', over)
  const directory = await directoryOf(input, release)
  const manifest = await readManifest(directory, release)
  if (wish.epsilon !== null) await spendOn(asked, id, charter, input)
  const watch = watchRun(input.database, grant, release, input.clock)
  const signal = AbortSignal.any([input.signal, watch.signal])
  try {
    const started = {
      run: id,
      release,
      grant: grantHash(grant),
      code: codeDigest(wish),
      epsilon: wish.epsilon,
      limits: { ...limits },
    }
    const logged = await appendToLedger(input.database, RUN_STARTED_ENTRY, started, { waitForCheckpoint: true })
    const key = await openRelease(input.database, box, asked, release, signal)
    const startedAt = performance.now()
    let output: TakenOutput | null = null
    let hit: LimitHit
    try {
      hit = await runInSandbox(bwrap, {
        command: wish.command,
        code: wish.code,
        environment: budgetOf(wish.epsilon, manifest),
        limits,
        signal,
        fill: (stream) => fillRelease(directory, manifest, key, stream),
        take: async (stream) => {
          output = await takeOutput(stream, wish.output)
        },
      })
    } finally {
      key.fill(0)
    }
    return await kept(id, output, hit, { startedAt, startedIndex: logged.index }, input, signal)
  } finally {
    await watch.stop()
  }
}

async function kept(
  id: string,
  output: TakenOutput | null,
  hit: LimitHit,
  { startedAt, startedIndex }: { readonly startedAt: number; readonly startedIndex: number },
  { database, objectsDir, seed }: RunInput,
  signal: AbortSignal,
): Promise<EndedRun> {
  if (hit !== null) throw new FairtraceError('ROOM_LIMIT', `the program was ended: more ${hit} than it asked for`)
  if (output === null) throw new FairtraceError('ROOM_PROGRAM_FAILED', 'the program put nothing out')
  const summary = summaryOf(output.files)
  const wallMs = Math.round(performance.now() - startedAt)
  signal.throwIfAborted()
  await new FileObjects(objectsDir).put(outputObject(id), sealOutput(roomOutputKey(seed, id), id, output.files))
  const detail = { run: id, output: summary.digest, exitCode: output.exitCode }
  const ended = await appendToLedger(database, RUN_ENDED_ENTRY, detail, { waitForCheckpoint: false })
  return { ...summary, exitCode: output.exitCode, wallMs, startedIndex, endedIndex: ended.index }
}

/** Only of our own trainer do we know that it keeps to a budget; anybody's program can say that it does. */
async function spendOn({ wish }: RunRequest, id: string, charter: Charter, { database }: RunInput): Promise<void> {
  if (wish.epsilon === null) return
  if (wish.command[0] !== OWN_TRAINER || wish.code.length > 0)
    throw new FairtraceError('BODY_INVALID', `epsilon: only ${OWN_TRAINER}, without code beside it, keeps to a budget`)
  await spend(database, charter, id, wish.epsilon)
}

/** What the room's own trainer keeps to. @throws `BODY_INVALID` for a release that doesn't say how much of a person is in it */
function budgetOf(epsilon: number | null, { parameters }: RoomManifest): Readonly<Record<string, string>> {
  if (epsilon === null) return {}
  const segmentsMax = parameters.segmentsPerPersonMax
  if (typeof segmentsMax !== 'number')
    throw new FairtraceError('BODY_INVALID', 'epsilon: the release does not say how many segments a person has at most')
  return {
    FAIRTRACE_EPSILON: `${epsilon}`,
    FAIRTRACE_DELTA: `${RUN_DELTA}`,
    FAIRTRACE_SEGMENTS_MAX: `${segmentsMax}`,
  }
}

async function charterOf(database: OpenDatabase): Promise<Charter> {
  const programme = await readProgramme(database, null)
  if (programme === null) throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'there is no programme')
  return programme.charter
}

async function directoryOf({ database, objectsDir }: RunInput, release: string): Promise<string> {
  const row = await database.db
    .selectFrom('release.releases')
    .select('directory')
    .where('id', '=', release)
    .executeTakeFirst()
  if (row === undefined) throw new FairtraceError('RELEASE_NOT_FOUND', 'there is no such release')
  return join(objectsDir, row.directory)
}

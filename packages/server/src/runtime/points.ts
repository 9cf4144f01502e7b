/**
 * Enforcement points: every server process that serves something shows a sign of life, and when the programme is locked it stops what
 * it must stop and then says so, over its own signature. Both are signed with the key that the charter names for its role: what the
 * database says of who runs and who has stopped decides nothing.
 */
import { randomBytes, sign } from 'node:crypto'
import { type Charter, canonicalJson, KEEPER_ANSWER_TYP } from '@fairtrace/core'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { OpenDatabase } from '../store/database.ts'
import { SERVER_BUILD } from './build.ts'
import { ed25519PublicKey, type Signer, verifyEd25519, verifyJws } from './jws.ts'
import { type Programme, type ProgrammeWatch, readProgramme } from './programme.ts'
import type { RoleName } from './role.ts'
import { ServedLately } from './served.ts'

const BEAT_MS = 1_000
/** A point is live if it was seen within this time. */
export const LIVE_MS = 3_000
/** How far the clocks of two servers may be apart on top. */
const SKEW_MS_MAX = 5_000
const RETRY_MS = 250
const BEAT_CONTEXT = 'fairtrace/point/v1\n'
const ACKNOWLEDGEMENT_CONTEXT = 'fairtrace/acknowledgement/v1\n'

/** Counts by kind, such as `leases` or `batches`. */
export type Served = Readonly<Record<string, number>>
export type PointRole = RoleName | 'keeper'
export type PointDetail = Readonly<Record<string, string | number | boolean | null>>

export interface Point {
  readonly id: string
  /** What the next sign of life says besides. */
  beat(detail?: PointDetail): void
  /** Counts what was served, so that an acknowledgement can say what went out after the lockdown. */
  served(what: string, count?: number): void
  stop(): Promise<void>
}

export interface PointOptions {
  readonly database: OpenDatabase
  readonly role: RoleName
  readonly signer: Signer
  readonly programme: ProgrammeWatch
  readonly log: Logger
  /** Stops what this role must stop in a lockdown; resolves when nothing more of it can come out. */
  fence?(epoch: number): Promise<Served>
}

const count = z.int().min(0)
const beatSchema = z.strictObject({
  point: z.string(),
  role: z.string(),
  programme: z.string().nullable(),
  build: z.string(),
  epoch: count,
  state: z.string(),
  beatMs: z.int(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
})
const keepersAnswerSchema = z.object({ result: z.object({ locked: count.nullable() }) })
const acknowledgementSchema = z.strictObject({
  point: z.string(),
  role: z.string(),
  programme: z.string(),
  epoch: count,
  fencedAtMs: z.int(),
  served: z.record(z.string(), count),
})

/** Resolves after the first sign of life was tried. A point that starts in a lockdown acknowledges it too. */
export async function startPoint(options: PointOptions): Promise<Point> {
  const { database, role, signer, programme, log } = options
  const id = `${role}-${randomBytes(9).toString('base64url')}`
  const startedAtMs = Date.now()
  const lately = new ServedLately()
  let detail: PointDetail = {}
  let isStopped = false
  let isBeating = false
  let acknowledged = -1
  let answering: Promise<void> | null = null

  await beat()
  const timer = setInterval(() => void beat(), BEAT_MS)
  timer.unref()
  programme.onChange(() => answer())

  return {
    id,
    beat(next) {
      if (next !== undefined) detail = next
    },
    served: (what, many = 1) => lately.add(what, many),
    async stop() {
      isStopped = true
      clearInterval(timer)
      await answering
      // Who leaves says so; if the database is away, the next start clears it up.
      await database.pool.query('delete from install.points where point = $1', [id]).catch(() => undefined)
    },
  }

  async function beat(): Promise<void> {
    // A database that hangs gets one question at a time.
    if (isStopped || isBeating) return
    isBeating = true
    const now = programme.current()
    const body = canonicalJson({
      ...{ point: id, role, programme: now?.id ?? null, build: SERVER_BUILD, epoch: now?.epoch ?? 0 },
      ...{ state: now?.state ?? 'unknown', beatMs: Date.now(), detail },
    })
    try {
      await database.pool.query({
        name: 'beat',
        text: `insert into install.points (point, role, build, started_at_ms, body, signature) values ($1, $2, $3, $4, $5, $6)
          on conflict (point) do update set body = excluded.body, signature = excluded.signature`,
        values: [id, role, SERVER_BUILD, startedAtMs, body, signed(BEAT_CONTEXT, body, signer)],
      })
      // A lockdown that found the programme's row held is brought home by whoever sees it first.
      if (now?.lockdown !== null && now?.lockdown !== undefined)
        await database.pool.query('select install.settle_lock()')
    } catch {
      // No sign of life is what others then see of it.
    } finally {
      isBeating = false
    }
    answer()
  }

  function answer(): void {
    if (isStopped || answering !== null || dueEpoch() === null) return
    answering = acknowledge().finally(() => {
      answering = null
    })
  }

  function dueEpoch(): Programme | null {
    const now = programme.current()
    return now !== null && now.state === 'locked' && now.epoch > acknowledged ? now : null
  }

  async function acknowledge(): Promise<void> {
    for (let due = dueEpoch(); due !== null && !isStopped; due = dueEpoch()) {
      const { epoch, id: of, lockdown } = due
      try {
        const stopped = (await options.fence?.(epoch)) ?? {}
        const fencedAtMs = Date.now()
        const served = { ...lately.since(lockdown?.atMs ?? fencedAtMs), ...stopped }
        const body = canonicalJson({ point: id, role, programme: of, epoch, fencedAtMs, served })
        await database.pool.query(
          `insert into install.acknowledgements (epoch, point, role, body, signature) values ($1, $2, $3, $4, $5)
           on conflict do nothing`,
          [epoch, id, role, body, signed(ACKNOWLEDGEMENT_CONTEXT, body, signer)],
        )
        acknowledged = epoch
        log.info({ epoch }, 'stopped for the lockdown, and said so')
      } catch (error) {
        // Not fenced or not heard: it is missing from the report, and tries again.
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'INTERNAL'
        log.error({ epoch, code }, 'the lockdown could not be acknowledged; trying again')
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }
}

export interface LivePoint {
  readonly point: string
  readonly role: PointRole
  readonly build: string
  readonly epoch: number
  readonly state: string
  /** Since its last sign of life, by the database's clock. */
  readonly quietMs: number
  readonly detail: PointDetail
}

interface PointRow {
  readonly point: string
  readonly role: string
  readonly body: string
  readonly signature: string
  readonly quiet_ms: number
}

/** The processes that run now: seen within `withinMs`, over their role's signature. */
export async function livePoints(database: OpenDatabase, withinMs: number = LIVE_MS): Promise<readonly LivePoint[]> {
  const programme = await readProgramme(database, null)
  return programme === null ? [] : await pointsSeen(database, programme.charter, withinMs)
}

/** As `livePoints`, for who has the charter at hand. */
export async function pointsSeen(
  { pool }: Pick<OpenDatabase, 'pool'>,
  charter: Charter,
  withinMs: number = LIVE_MS,
): Promise<readonly LivePoint[]> {
  const { rows } = await pool.query<PointRow>({
    name: 'points',
    text: `select point, role, body, signature, (extract(epoch from clock_timestamp() - seen_at) * 1000)::bigint as quiet_ms
      from install.points where left_at is null and seen_at > clock_timestamp() - make_interval(secs => $1)`,
    values: [withinMs / 1_000],
  })
  const nowMs = Date.now()
  return rows.flatMap((row) => {
    const beat = requireSigned(BEAT_CONTEXT, row, charter, beatSchema)
    // An old sign of life under a new row is none: its own time has to be of now.
    if (beat === null || beat.point !== row.point || !(Math.abs(nowMs - beat.beatMs) <= withinMs + SKEW_MS_MAX))
      return []
    const { point, build, epoch, state, detail } = beat
    return [{ point, role: row.role as PointRole, build, epoch, state, quietMs: row.quiet_ms, detail }]
  })
}

export interface Acknowledgement {
  readonly point: string
  readonly role: PointRole
  readonly epoch: number
  readonly fencedAtMs: number
  /** When the database had it, by its own clock. */
  readonly atMs: number
  /** What it had served since the lockdown began, to the second, and what it stopped. */
  readonly served: Served
}

/** Of this epoch and later ones; one that the charter's key of its role didn't sign is none. */
export async function acknowledgementsOf(database: OpenDatabase, epoch: number): Promise<readonly Acknowledgement[]> {
  const programme = await readProgramme(database, null)
  if (programme === null) return []
  const { rows } = await database.pool.query<Omit<PointRow, 'quiet_ms'> & { at_ms: number }>(
    `select point, role, body, signature, (extract(epoch from at) * 1000)::bigint as at_ms
     from install.acknowledgements where epoch >= $1 order by epoch, at`,
    [epoch],
  )
  const first = new Map<string, Acknowledgement>()
  for (const row of rows) {
    if (row.role === 'keeper') {
      const locked = keepersEpoch(row, programme.charter)
      if (locked === null || locked < epoch || first.has(row.point)) continue
      const { point, at_ms: atMs } = row
      first.set(point, { point, role: 'keeper', epoch: locked, fencedAtMs: atMs, atMs, served: {} })
      continue
    }
    const said = requireSigned(ACKNOWLEDGEMENT_CONTEXT, row, programme.charter, acknowledgementSchema)
    const isOfThis = said !== null && said.programme === programme.id && said.point === row.point && said.epoch >= epoch
    if (!isOfThis || first.has(row.point)) continue
    const { point, fencedAtMs, served } = said
    first.set(point, { point, role: row.role as PointRole, epoch: said.epoch, fencedAtMs, atMs: row.at_ms, served })
  }
  return [...first.values()]
}

/** The epoch under which the keeper says that it is locked: an answer of its own protocol, as it signed it. */
function keepersEpoch({ body, signature }: Pick<PointRow, 'body' | 'signature'>, { keys }: Charter): number | null {
  try {
    const key = ed25519PublicKey(keys.keeper)
    const payload = verifyJws(KEEPER_ANSWER_TYP, `${body}.${signature}`, key, 'KEEPER_UNTRUSTED')
    return keepersAnswerSchema.parse(payload).result.locked
  } catch {
    // Fails closed: it is not the keeper's word.
    return null
  }
}

/** The public key that a charter names for a role. */
export function pointKey({ keys }: Charter, role: string): string | null {
  const named: Readonly<Record<string, string>> = { ...keys, portal: keys.issuer }
  return Object.hasOwn(named, role) && role !== 'issuer' ? (named[role] ?? null) : null
}

/** As a point signs its sign of life; for tests that stand in for one. */
export function signBeat(body: z.infer<typeof beatSchema>, signer: Signer): { body: string; signature: string } {
  const text = canonicalJson(beatSchema.parse(body))
  return { body: text, signature: signed(BEAT_CONTEXT, text, signer) }
}

function signed(context: string, body: string, signer: Signer): string {
  return sign(null, Buffer.from(context + body), signer.privateKey).toString('base64url')
}

function requireSigned<T extends { readonly role: string }>(
  context: string,
  { role, body, signature }: { readonly role: string; readonly body: string; readonly signature: string },
  charter: Charter,
  schema: z.ZodType<T>,
): T | null {
  const key = pointKey(charter, role)
  try {
    if (key === null || !verifyEd25519(Buffer.from(context + body), signature, key)) return null
    const parsed = schema.safeParse(JSON.parse(body))
    return parsed.success && parsed.data.role === role ? parsed.data : null
  } catch {
    // Fails closed: what can't be read is nobody's word.
    return null
  }
}

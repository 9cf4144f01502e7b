/** Runs drills against an installation, in sequence: registered first, cleaned up after, and ended with evidence. */
import { randomBytes, sign } from 'node:crypto'
import { drillStartMessage, FairtraceError, isFairtraceError } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { safeguardOf } from '@fairtrace/server/assurance/safeguards'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { z } from 'zod'
import { staffSession } from '../access/staff-session.ts'
import { PortalSession } from '../demo/portal-session.ts'
import { DRILLS } from './catalogue.ts'
import type { Attack, Drill } from './drill.ts'
import { type GroundOptions, openGround } from './ground.ts'

export interface DrillResult {
  readonly id: string
  readonly promise: number
  readonly passed: boolean
  /** Of an attack that exposes something; null where it is refused at the door. */
  readonly detectMs: number | null
  readonly containMs: number | null
  /** Whether it went red with its safeguard removed; null where that was not tried. */
  readonly twin: boolean | null
  /** Codes and counts. */
  readonly why: string
}

const startedSchema = z.object({ id: z.string(), drill: z.string() })
const endedSchema = z.object({
  evidence: z.object({ passed: z.boolean(), detectMs: z.number().nullable(), containMs: z.number().nullable() }),
})

export interface Start {
  readonly drill: string | null
  readonly nonce: string | null
  readonly starter: string | null
  readonly signature: string | null
}

/** A drill by name, announced. */
export function announced(drill: string): Start {
  return { drill, nonce: null, starter: null, signature: null }
}

/** @throws `NOT_FOUND` */
export function requireDrill(id: string): Drill {
  const drill = DRILLS.find((one) => one.id === id)
  if (drill === undefined) throw new FairtraceError('NOT_FOUND', `there is no drill ${id}`)
  return drill
}

/**
 * One drill, with everything that belongs to it.
 * @param twin what its twin has shown, for the evidence
 */
export async function runDrill(dir: DataDir, start: Start, twin: boolean | null): Promise<DrillResult> {
  return asDataProtection(dir, async (session) => {
    const { id: run, drill } = await session.post('/api/assurance/drills', start, startedSchema)
    const mark = async (step: 'planted' | 'removed') => {
      await session.post(`/api/assurance/drills/${run}/${step}`, {}, z.unknown())
    }
    const attack = await attacked({ dir, run, execArgv: [], mark }, requireDrill(drill), false)
    return end(session, run, drill, attack, twin)
  })
}

/** Signed out afterwards: a person has few sessions, and a new one ends the oldest. */
async function asDataProtection<T>(dir: DataDir, work: (session: PortalSession) => Promise<T>): Promise<T> {
  const session = await staffSession({ data: dir.root }, 'data-protection')
  try {
    return await work(session)
  } finally {
    await session.post('/api/sign-out', {}, z.unknown())
  }
}

/**
 * One drill that nobody could prepare for.
 * @param starter the worker representative's name and the seed of their key
 * @param nonce of their choice; random where it is left out
 */
export async function runUnannounced(
  dir: DataDir,
  starter: { readonly name: string; readonly seed: string },
  nonce: string = randomBytes(24).toString('base64url'),
): Promise<DrillResult> {
  const portal = PortalSession.anonymous(dir.runtime().portalUrl)
  const { programme } = await portal.get('/api/programme', z.object({ programme: z.string() }))
  const message = drillStartMessage({ programme, nonce })
  const signature = sign(null, message, signerFromSeed(starter.seed).privateKey).toString('base64url')
  return runDrill(dir, { drill: null, nonce, starter: starter.name, signature }, null)
}

async function end(
  session: PortalSession,
  run: string,
  drill: string,
  attack: Attack,
  twin: boolean | null,
): Promise<DrillResult> {
  const report = { passed: attack.held, detectMs: null, containMs: null, twin }
  const { evidence } = await session.post(`/api/assurance/drills/${run}/end`, report, endedSchema)
  const promise = safeguardOf(drill)?.promise ?? 0
  const { passed, detectMs, containMs } = evidence
  return { id: drill, promise, passed, detectMs, containMs, twin, why: attack.why }
}

/** The attack alone, without registering it: for twins. Whatever happens, what it planted is gone afterwards. */
export async function attacked(options: GroundOptions, drill: Drill, isWithout: boolean): Promise<Attack> {
  const ground = await openGround(options)
  try {
    if (isWithout) await drill.without.once?.(ground)
    return await drill.attack(ground)
  } catch (error) {
    // Fails closed: an attack that couldn't be carried out shows nothing.
    if (isWithout) throw error
    return { held: false, why: `could not be run: ${isFairtraceError(error) ? error.code : nameOf(error)}` }
  } finally {
    await ground.plants.removeAll(ground.run)
    await ground.close()
  }
}

export function newRun(): string {
  return randomBytes(16).toString('base64url')
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error'
}

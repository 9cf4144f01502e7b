/**
 * The risk gate of a candidate: drawn from it, attacked in a thread of its own, decided by the charter. No pass, no release.
 *
 * A demonstration holds nobody real, so its gate takes a quick look alone, stays closed by that, and says so in the release.
 */
import { Worker } from 'node:worker_threads'
import { type CandidateSegment, type Charter, FairtraceError } from '@fairtrace/core'
import type { ReleaseAssessment, ReleaseCandidate } from '@fairtrace/release'
import {
  Draw,
  decideRelease,
  GATE_SENTENCES,
  hashText,
  plotCandidate,
  type RiskReport,
  riskReportSchema,
} from '@fairtrace/risk'
import { z } from 'zod'
import type { RiskWork } from './risk-worker.ts'

export interface RiskGateInput {
  readonly charter: Charter
  readonly installation: 'demonstration' | 'production'
  /** Of the release; who is drawn follows from it. */
  readonly seed: string
  /** How many releases there were before, and what was in them; null where that can't be made again. */
  readonly earlier: { readonly releases: number; candidates(): Iterable<CandidateSegment> } | null
  readonly signal: AbortSignal
  onProgress?(share: number): void
}

export const GATE_PASSED = 'passed'
export const GATE_CLOSED_DEMONSTRATION = 'closed, demonstration'

/** @throws `RISK_GATE_CLOSED` with every reason, anywhere but in a demonstration; whatever ends the attack */
export async function judgeCandidate(
  candidate: ReleaseCandidate,
  inScope: Iterable<CandidateSegment>,
  input: RiskGateInput,
): Promise<ReleaseAssessment> {
  const { charter, installation, earlier, signal } = input
  const seed = hashText(input.seed)
  const drawn = new Draw(seed)
  for (const segment of candidate.candidates()) drawn.add(segment)
  const report = await attack(
    {
      segments: drawn.kept(),
      inScope: keptOf(inScope, seed),
      earlier: { releases: earlier?.releases ?? 0, segments: keptOf(earlier?.candidates() ?? [], seed) },
      seed,
      effort: installation === 'production' ? 'full' : 'quick',
    },
    signal,
    input.onProgress,
  )
  const decision = decideRelease(report, charter)
  if (!decision.allow && installation === 'production') {
    const why = decision.reasons.map((reason) => GATE_SENTENCES[reason]).join('; ')
    throw new FairtraceError('RISK_GATE_CLOSED', why)
  }
  const gate = decision.allow ? GATE_PASSED : GATE_CLOSED_DEMONSTRATION
  const reasons = decision.allow ? [] : decision.reasons
  return {
    gate,
    documents: [
      { path: 'risk.json', bytes: Buffer.from(`${JSON.stringify({ gate, reasons, report }, null, 2)}\n`) },
      { path: 'risk.svg', bytes: Buffer.from(await plotCandidate(report)) },
    ],
  }
}

function keptOf(segments: Iterable<CandidateSegment>, seed: number): CandidateSegment[] {
  const drawn = new Draw(seed)
  for (const segment of segments) drawn.add(segment)
  return drawn.kept()
}

const messageSchema = z.union([z.strictObject({ progress: z.number() }), z.strictObject({ report: riskReportSchema })])

/** In a thread: it takes minutes of processor time, and an end of the grant must stop it at once. */
function attack(work: RiskWork, signal: AbortSignal, onProgress?: (share: number) => void): Promise<RiskReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./risk-worker.ts', import.meta.url), { workerData: work })
    const end = (act: () => void) => {
      signal.removeEventListener('abort', abort)
      void worker.terminate()
      act()
    }
    const abort = () => end(() => reject(signal.reason))
    signal.addEventListener('abort', abort)
    worker.on('error', (cause) => end(() => reject(failed('the attack ended by an error', cause))))
    worker.on('exit', () => end(() => reject(failed('the attack ended without a report'))))
    worker.on('message', (raw) => {
      const message = messageSchema.safeParse(raw).data
      // Fails closed: what is no report is none.
      if (message === undefined) end(() => reject(failed('the report of the attack is malformed')))
      else if ('progress' in message) onProgress?.(message.progress)
      else end(() => resolve(message.report))
    })
    if (signal.aborted) abort()
  })
}

function failed(what: string, cause?: unknown): FairtraceError {
  return new FairtraceError('RISK_GATE_CLOSED', what, { cause })
}

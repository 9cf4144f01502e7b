/** The thread in which a candidate is attacked. Gets the draw, gives the report. */
import { parentPort, workerData } from 'node:worker_threads'
import type { CandidateSegment } from '@fairtrace/core'
import { type AssessCandidateOptions, assessCandidate } from '@fairtrace/risk'

export interface RiskWork extends Omit<AssessCandidateOptions, 'onProgress'> {
  readonly segments: readonly CandidateSegment[]
}

const PROGRESS_MS = 250

const { segments, ...options } = workerData as RiskWork
let toldAt = 0
const report = assessCandidate(segments, {
  ...options,
  onProgress(progress) {
    if (performance.now() - toldAt < PROGRESS_MS) return
    toldAt = performance.now()
    parentPort?.postMessage({ progress })
  },
})
parentPort?.postMessage({ report })

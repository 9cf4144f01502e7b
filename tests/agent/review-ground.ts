/** A review page on answers that a test made, and what a browser or an attacker sends it. */
import { request } from 'node:http'
import type { Action } from '@fairtrace/core'
import { describeAction } from '@fairtrace/device'
import type { ReviewAnswer, ReviewedRecording, StatusAnswer } from '../../apps/agent/src/control/answers.ts'
import type { AgentRequest } from '../../apps/agent/src/control/request.ts'
import { type ReviewPage, startReviewPage } from '../../apps/agent/src/page/page-server.ts'

const HOUR_MS = 3_600_000
const NOW_MS = Date.UTC(2026, 4, 4, 14, 30)
export const FIRST = 'A'.repeat(22)

const ACTIONS: readonly Action[] = [
  { kind: 'switch', app: 'desktop:mail' },
  { kind: 'hover', target: { role: 'link', label: 'Inbox', box: [40, 120, 160, 32] } },
  { kind: 'click', button: 'left', count: 1, target: { role: 'button', label: 'Reply', box: [512, 40, 96, 32] } },
  { kind: 'click', button: 'left', count: 2, target: { role: 'textbox', box: [400, 300, 700, 300] } },
  { kind: 'type', text: 'sentence', length: 'long' },
  { kind: 'hotkey', keys: ['ctrl', 's'] },
  { kind: 'scroll', direction: 'down', amount: 4, target: { cell: [4, 5] } },
  { kind: 'click', button: 'left', count: 1, target: { role: 'button', label: 'Send', box: [1100, 700, 96, 32] } },
]

export interface ReviewGround {
  readonly page: ReviewPage
  readonly origin: string
  /** Everything but reading that was asked, in order. */
  readonly asked: readonly AgentRequest[]
  /** A path that the session may read, and its cookie. */
  enter(): Promise<{ readonly path: string; readonly cookie: string }>
}

export async function startReviewGround(): Promise<ReviewGround> {
  const asked: AgentRequest[] = []
  let isPaused = false
  const ask = async (asking: AgentRequest): Promise<unknown> => {
    if (asking.ask === 'status') return aStatus(isPaused)
    if (asking.ask === 'review') return aReview()
    asked.push(asking)
    if (asking.ask === 'pause' || asking.ask === 'resume') isPaused = asking.ask === 'pause'
    return { done: true }
  }
  const page = await startReviewPage({ ask: ask as never, clock: { nowMs: () => Date.now() } })
  const origin = new URL(page.mint()).origin
  return {
    page,
    origin,
    asked,
    async enter() {
      const token = new URL(page.mint()).hash.slice(1)
      const answer = await send(origin, '/enter', { method: 'POST', body: token, headers: { origin } })
      return { path: answer.body, cookie: String(answer.headers['set-cookie']?.[0]?.split(';')[0]) }
    },
  }
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: NodeJS.Dict<string | string[]>
}

/** Any request, with any header, as only an attacker can send it. */
export function send(
  origin: string,
  path: string,
  options: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const headers = { host: `${hostname}:${port}`, ...options.headers }
    const sent = request({ hostname, port, path, method: options.method ?? 'GET', headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString(),
          headers: response.headers,
        }),
      )
    })
    sent.on('error', reject)
    sent.end(options.body)
  })
}

function aStatus(isPaused: boolean): StatusAnswer {
  return {
    running: true,
    state: isPaused ? { state: 'paused', by: 'you' } : { state: 'recording', app: 'desktop:mail', sinceMs: NOW_MS },
    says: isPaused ? 'Paused by you.' : 'Recording in mail. Nothing leaves before you had a day to look at it.',
    portal: 'https://portal.example',
    task: null,
    waiting: { recordings: 3, actions: 24, sealedBatches: 1 },
    alerts: [],
  }
}

function aReview(): ReviewAnswer {
  return {
    recordings: [
      aRecording(FIRST, { state: 'held', startedAtMs: NOW_MS - 5 * HOUR_MS, task: 'answer-mail', outcome: 'done' }),
      aRecording('B'.repeat(22), { state: 'released', startedAtMs: NOW_MS - 3 * HOUR_MS }),
      aRecording('C'.repeat(22), { state: 'open', startedAtMs: NOW_MS - HOUR_MS, endedAtMs: null, heldUntilMs: null }),
    ],
    sealedBatches: 1,
    breaks: [
      { atMs: NOW_MS - 4 * HOUR_MS, reason: 'paused' },
      { atMs: NOW_MS - 2 * HOUR_MS, reason: 'lease-over' },
    ],
    nowMs: NOW_MS,
  }
}

function aRecording(id: string, change: Partial<ReviewedRecording>): ReviewedRecording {
  return {
    id,
    state: 'held',
    startedAtMs: NOW_MS,
    endedAtMs: NOW_MS,
    heldUntilMs: NOW_MS + 20 * HOUR_MS,
    task: null,
    outcome: null,
    sentences: ACTIONS.map(describeAction),
    actions: ACTIONS,
    ...change,
  }
}

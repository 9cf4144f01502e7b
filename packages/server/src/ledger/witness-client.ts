/** One witness, asked over HTTP as C2SP tlog-witness says. What it answers is checked like anything else that comes from outside. */
import { hash } from 'node:crypto'
import { cosignaturesOf, openNote, parseSignatures, type VerifierKey } from '@fairtrace/verify'

const ASK_MS_MAX = 5_000
const BODY_BYTES_MAX = 64 * 1024
const BACK_OFF_MS = { first: 500, longest: 30_000 }

/** What a witness says to a checkpoint. */
export type WitnessReply =
  | { readonly kind: 'cosigned'; readonly line: string }
  /** It has another size than the one that the proof began at. */
  | { readonly kind: 'has'; readonly size: number }
  /** It refuses what it was shown: no proof that it accepts leads from what it has to this. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'silent' }

export class WitnessClient {
  readonly key: VerifierKey
  readonly url: string
  /** What it has cosigned, as far as is known: where the next proof begins. */
  size = 0
  #failures = 0
  #notBeforeMs = 0

  constructor(key: VerifierKey, url: string) {
    this.key = key
    this.url = url.replace(/\/+$/, '')
  }

  /** Whether it is left alone for now, because it failed lately. */
  get isResting(): boolean {
    return performance.now() < this.#notBeforeMs
  }

  /** Longer after each failure, up to half a minute. */
  rest(): void {
    const ms = Math.min(BACK_OFF_MS.longest, BACK_OFF_MS.first * 2 ** this.#failures++)
    this.#notBeforeMs = performance.now() + ms
  }

  /** @param note the signed checkpoint; `proof` from `size` to it, one base64 hash a line */
  async ask(note: string, proof: readonly string[], stopping: AbortSignal): Promise<WitnessReply> {
    const body = [`old ${this.size}`, ...proof, '', note].join('\n')
    const answer = await this.#fetch('/add-checkpoint', { method: 'POST', body }, stopping)
    if (answer === null) return { kind: 'silent' }
    if (answer.status === 409 && /^(?:0|[1-9]\d{0,14})\n?$/.test(answer.text)) {
      return { kind: 'has', size: Number(answer.text) }
    }
    if (answer.status === 422) return { kind: 'refused' }
    const line = answer.status === 200 ? this.#verified(note, answer.text) : null
    if (line === null) return { kind: 'silent' }
    this.#failures = 0
    return { kind: 'cosigned', line }
  }

  /** The newest checkpoint that it has cosigned, as it serves it to monitors; null if it doesn't. */
  async newest(origin: string, stopping: AbortSignal): Promise<string | null> {
    const answer = await this.#fetch(`/${hash('sha256', origin, 'hex')}/checkpoint`, {}, stopping)
    return answer?.status === 200 ? answer.text : null
  }

  /** Its own line, if it verifies over exactly this checkpoint; what else it sent is ignored. */
  #verified(note: string, lines: string): string | null {
    try {
      const opened = { ...openNote(note), signatures: parseSignatures(lines) }
      return cosignaturesOf(opened, [this.key])[0]?.line ?? null
    } catch {
      // Fails closed: what doesn't verify is no cosignature.
      return null
    }
  }

  async #fetch(
    path: string,
    init: RequestInit,
    stopping: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string } | null> {
    try {
      const signal = AbortSignal.any([stopping, AbortSignal.timeout(ASK_MS_MAX)])
      const response = await fetch(`${this.url}${path}`, { ...init, redirect: 'error', signal })
      const text = await readText(response)
      return text === null ? null : { status: response.status, text }
    } catch {
      // Not there, too slow or cut off: nothing is cosigned, and it is asked again later.
      return null
    }
  }
}

/** @returns null if it is longer than an answer can be: a witness doesn't decide how much is read */
async function readText(response: Response): Promise<string | null> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > BODY_BYTES_MAX) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

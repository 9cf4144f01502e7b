/** Asks the worker; a refusal is thrown as a sentence that says what to do. */

import { browser } from 'wxt/browser'
import type { Replies, Reply, Request } from '../worker/request.ts'

class Refused extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export async function ask<Ask extends Request['ask']>(request: Extract<Request, { ask: Ask }>): Promise<Replies[Ask]> {
  const reply: Reply<Replies[Ask]> = await browser.runtime.sendMessage(request)
  if (reply.ok) return reply.value
  throw new Refused(reply.code, `${sentence(reply.message)} ${reply.advice}`)
}

/** Match patterns of addresses that the browser must give access to. Only ever called on a person's own click. */
export async function requestAccess(origins: readonly string[]): Promise<boolean> {
  return await browser.permissions.request({ origins: [...origins] })
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'Something went wrong. Try again.'
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}

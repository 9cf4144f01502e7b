/** A person's consent in plain sentences. */
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import type { ConsentStatus, OwnAccess } from '@fairtrace/device'

const LEGAL: Readonly<Record<string, string>> = {
  given: 'You said yes',
  renewed: 'You said yes again',
  withdrawn: 'You withdrew',
  expired: 'Your yes ran out',
  invalidated: 'The charter changed, and nothing is left of what you said yes to',
}
const DID: Readonly<Record<ConsentStatus['history'][number]['state'], string>> = {
  given: 'yes',
  withdrawn: 'withdrawn',
  paused: 'paused',
  resumed: 'resumed',
}

export function say(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

/** What holds, and what a person should know about it. */
export function saysConsent(status: ConsentStatus, atMs: number): string[] {
  const { legalState, legalSinceMs, isPaused, endsAtMs, renewAtMs, isErasing, reflectionEndsAtMs } = status
  if (legalState === null || legalSinceMs === null) {
    const wait = atMs < reflectionEndsAtMs ? ` You can say yes from ${time(reflectionEndsAtMs)} on.` : ''
    return [`You have decided nothing. Nothing is recorded, and you need not do anything.${wait}`]
  }
  const says = [`${LEGAL[legalState] ?? legalState}, at ${time(legalSinceMs)}.`]
  if (isPaused) says.push('You have paused: nothing is recorded until you resume.')
  if (isErasing) says.push('The keys to what was stored are being destroyed.')
  if (endsAtMs !== null && renewAtMs !== null && renewAtMs <= atMs && atMs < endsAtMs) {
    says.push(
      `Your yes ends at ${time(endsAtMs)}: say yes again if you want to go on; if you do nothing, recording stops.`,
    )
  }
  return says
}

export function saysHistory({ history }: ConsentStatus): string[] {
  if (history.length === 0) return ['You decided nothing.']
  return history.map(({ version, atMs, state, noticeVersion, categories, apps }) => {
    const what = state === 'given' ? `, to notice ${noticeVersion}: ${categories.join(', ')} in ${apps.join(', ')}` : ''
    return `${version}  ${time(atMs)}  ${DID[state]}${what}`
  })
}

/** @throws `USAGE` */
export function momentMs(text: string): number {
  const ms = Date.parse(text)
  if (!Number.isInteger(ms)) throw new FairtraceError('USAGE', 'write a moment as 2026-05-04T12:00:00Z')
  return ms
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

/** One opening of one's own recordings, in a sentence. */
export function saysAccess(
  access: OwnAccess & { readonly size: number; readonly witnesses: readonly string[] },
): string {
  const { atMs, who, purpose, reason, approvers, what, index, size, witnesses } = access
  const at = new Date(atMs).toISOString()
  const seen = witnesses.length === 0 ? '' : `, cosigned by ${witnesses.join(' and ')}`
  const entry = `entry ${index} of ${size}${seen}`
  if (who === null) return `${at}: you yourself (${entry}).`
  const use = what.release === null ? '' : ` for the release ${what.release}`
  return `${at}: ${who}, for ${purpose}${use}: “${reason}” Approved by ${approvers.join(' and ')}. ${what.keys} of your keys; ${entry}.`
}

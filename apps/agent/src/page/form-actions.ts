/** What the forms of the review page do. Each is one thing that can be asked of the agent, and leads to a page that says so. */
import { FairtraceError } from '@fairtrace/core'
import type { Ask } from '../control/answers.ts'

/** What the next page says was done. Closed: an address can make it say nothing else. */
export const DONE = {
  paused: 'You have paused. Nothing is recorded until you resume.',
  resumed: 'You have resumed.',
  deleted: 'Deleted. It is gone from this computer and never left it.',
  nothing: 'Nothing was ticked, so nothing was deleted.',
  released: 'Released. It leaves with the next upload.',
  withdrawn:
    'You have withdrawn. What waited here is deleted; the keys to what is stored are destroyed within a minute.',
} as const
export type Done = keyof typeof DONE

/** @returns where to go on, below the session's path @throws what the agent refuses; `NOT_FOUND` */
export async function formAction(
  ask: Ask,
  path: string,
  form: URLSearchParams,
): Promise<{ readonly to: string; readonly done: Done }> {
  if (path === 'pause') {
    await ask({ ask: 'pause' })
    return { to: '', done: 'paused' }
  }
  if (path === 'resume') {
    await ask({ ask: 'resume' })
    return { to: '', done: 'resumed' }
  }
  if (path === 'withdraw') {
    await ask({ ask: 'withdraw' })
    return { to: '', done: 'withdrawn' }
  }
  const [, recording, what] = /^recordings\/([A-Za-z0-9_-]{22})\/(delete|delete-ticked|release)$/.exec(path) ?? []
  if (recording === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such form')
  if (what === 'release') {
    await ask({ ask: 'release', recordings: [recording] })
    return { to: '', done: 'released' }
  }
  if (what === 'delete') {
    await ask({ ask: 'delete', recording })
    return { to: '', done: 'deleted' }
  }
  return deleteTicked(ask, recording, form)
}

async function deleteTicked(ask: Ask, recording: string, form: URLSearchParams): Promise<{ to: string; done: Done }> {
  const { recordings } = await ask({ ask: 'review' })
  const count = recordings.find(({ id }) => id === recording)?.sentences.length
  if (count === undefined) throw new FairtraceError('NOT_FOUND', 'this recording is gone')
  const stretches = stretchesOf(form.getAll('action').map(Number), count)
  // From the end: what is left after a hole becomes a recording of its own, and what comes before keeps its places.
  for (const [from, to] of stretches.reverse()) await ask({ ask: 'delete-part', recording, from, to })
  const isAll = stretches.length === 1 && stretches[0]?.[0] === 0 && stretches[0][1] === count
  const isLeft = !isAll && stretches.every(([from]) => from > 0)
  return { to: isLeft ? `recordings/${recording}` : '', done: stretches.length === 0 ? 'nothing' : 'deleted' }
}

/** Places as stretches `[from, to)`, in order. @throws `BODY_INVALID` */
export function stretchesOf(places: readonly number[], count: number): (readonly [number, number])[] {
  const stretches: [number, number][] = []
  for (const place of [...new Set(places)].sort((a, b) => a - b)) {
    if (!Number.isInteger(place) || place < 0 || place >= count)
      throw new FairtraceError('BODY_INVALID', 'no such action')
    const last = stretches.at(-1)
    if (last !== undefined && last[1] === place) last[1] = place + 1
    else stretches.push([place, place + 1])
  }
  return stretches
}

/** Whether the portal answers, and whether this computer's clock agrees with it. */
import { DEVICE_CLOCK_SKEW_MS_MAX } from '@fairtrace/core'
import { type Check, look, ok, wrong } from './checks.ts'

const ANSWER_MS_MAX = 10_000

/** @param portal its address, or null before joining */
export async function checkPortal(portal: string | null): Promise<readonly Check[]> {
  if (portal === null) {
    return [look('portal', 'This computer has joined no programme.', 'Begin with `fairtrace-agent join`.')]
  }
  let response: Response
  try {
    response = await fetch(new URL('/healthz', portal), {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      redirect: 'error',
    })
    await response.arrayBuffer()
  } catch {
    // Refused, unknown, too slow: for the person it is the same.
    return [wrong('portal', `${portal} does not answer.`, 'Check the network; what waits is kept meanwhile.')]
  }
  const answer = response.ok
    ? ok('portal', `${portal} answers.`)
    : wrong('portal', `${portal} answers with ${response.status}.`, 'It may still be starting; try again in a minute.')
  return [answer, checkClock(response.headers.get('date'))]
}

function checkClock(date: string | null): Check {
  const said = Date.parse(date ?? '')
  if (Number.isNaN(said)) return look('clock', 'The portal does not say what time it is.', null)
  const apartMs = Math.abs(Date.now() - said)
  const apart = `${Math.round(apartMs / 1_000)} s apart from the portal’s clock.`
  if (apartMs < DEVICE_CLOCK_SKEW_MS_MAX) return ok('clock', apart)
  return wrong('clock', apart, 'Set the clock of this computer: no lease is given to a wrong one.')
}

/** The generator's process. Stops at the time given, or when everything is sent. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import process from 'node:process'
import type { LoadPlan, LoadResult } from './load.ts'

process.once('message', async (plan: LoadPlan) => {
  const result = await send(plan)
  process.send?.(result, () => process.exit(0))
})

async function send(plan: LoadPlan): Promise<LoadResult> {
  const bytes = readFileSync(plan.file)
  const agent = new Agent({ keepAlive: true, maxSockets: plan.connections })
  const offsets: number[] = []
  let end = 0
  for (const length of plan.lengths) {
    offsets.push(end)
    end += length
  }
  let next = 0
  let acknowledged = 0
  let refused = 0
  const startedAt = performance.now()
  const until = startedAt + plan.seconds * 1_000
  await Promise.all(Array.from({ length: plan.connections }, lane))
  return { acknowledged, refused, seconds: (performance.now() - startedAt) / 1_000 }

  async function lane(): Promise<void> {
    while (performance.now() < until) {
      const at = next++
      const offset = offsets[at]
      if (offset === undefined) return
      const status = await post(bytes.subarray(offset, offset + (plan.lengths[at] ?? 0)), plan.authorizations[at] ?? '')
      if (status === 200) acknowledged++
      else refused++
    }
  }

  function post(body: Uint8Array, authorization: string): Promise<number> {
    const headers = { 'content-type': plan.contentType, 'content-length': body.length, authorization }
    return new Promise((resolve, reject) => {
      const sent = request(plan.url, { method: 'POST', agent, headers }, (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
}

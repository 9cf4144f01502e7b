/** Sends prepared requests over kept-alive connections from a process of its own, and counts what was acknowledged. */
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface LoadRequest {
  readonly body: Uint8Array
  readonly authorization: string
}

/** What the generator reads: where each request lies in the file. */
export interface LoadPlan {
  readonly url: string
  readonly contentType: string
  readonly file: string
  readonly lengths: readonly number[]
  readonly authorizations: readonly string[]
  readonly connections: number
  readonly seconds: number
}

export interface LoadResult {
  readonly acknowledged: number
  readonly refused: number
  readonly seconds: number
}

/** Whether processes can be pinned to cores here. */
export function canPin(): boolean {
  return spawnSync('taskset', ['-c', '0,1', 'true']).status === 0
}

/** @param core where the generator runs */
export async function sendLoad(
  url: string,
  contentType: string,
  requests: readonly LoadRequest[],
  { core, connections, seconds }: { readonly core: number; readonly connections: number; readonly seconds: number },
): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-load-'))
  const file = join(folder, 'requests')
  writeFileSync(file, Buffer.concat(requests.map(({ body }) => body)))
  try {
    const main = fileURLToPath(new URL('./load-main.ts', import.meta.url))
    const child = fork(main, {
      execPath: 'taskset',
      execArgv: ['-c', String(core), process.execPath, '--disable-warning=ExperimentalWarning'],
    })
    const plan: LoadPlan = {
      url,
      contentType,
      file,
      lengths: requests.map(({ body }) => body.length),
      authorizations: requests.map(({ authorization }) => authorization),
      connections,
      seconds,
    }
    child.send(plan)
    const [result] = (await once(child, 'message')) as [LoadResult]
    return result
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An approver's software key: `{"name":"Dana Meyer","seed":"<32 bytes, base64url>"}`. Real approvers use keys that no file holds. */
import { readFile } from 'node:fs/promises'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'

const keySchema = z.object({ name: z.string().min(1).max(128), seed: z.string().length(43) })
export type KeyFile = z.infer<typeof keySchema>

/** @throws `INPUT_UNREADABLE`, without a word of what is in the file */
export async function readKeyFile(path: string): Promise<KeyFile> {
  try {
    return keySchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    // Not passed on: a parser's message could quote the key.
    throw new FairtraceError('INPUT_UNREADABLE', 'the key file is not {"name", "seed"} in JSON')
  }
}

/**
 * What a researcher asks of the training room. The row that holds it decides nothing: the vault checks grant and approvals, and the
 * charter bounds what is asked for.
 */
import { createHash } from 'node:crypto'
import { approvalSchema, type Charter, canonicalJson, FairtraceError, grantSchema } from '@fairtrace/core'
import { z } from 'zod'

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const HOUR_MS = 3_600_000
const CODE_BYTES_MAX = 8 * MIB
/** The room's own trainer: the one program whose word on privacy counts, because it is ours. */
export const OWN_TRAINER = 'fairtrace-train'
const filePath = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}){0,3}$/)

export const outputFileSchema = z.strictObject({
  path: filePath,
  /** json: parses; text: UTF-8 without control characters; binary: anything. */
  type: z.enum(['json', 'text', 'binary']),
  bytesMax: z.int().min(1),
})
export type OutputFile = z.infer<typeof outputFileSchema>

/** What the room's own trainer writes, and what holds where nothing else is declared. What a program prints is output too. */
export const DEFAULT_OUTPUT: readonly OutputFile[] = [
  { path: 'model.json', type: 'json', bytesMax: 4 * MIB },
  { path: 'metrics.json', type: 'json', bytesMax: 64 * 1024 },
  { path: 'stdout.txt', type: 'text', bytesMax: 64 * 1024 },
  { path: 'stderr.txt', type: 'text', bytesMax: 64 * 1024 },
]

export const runWishSchema = z.strictObject({
  grant: z.string().min(1).max(64).describe('Id of a live grant for the release'),
  command: z.array(z.string().max(4_096)).min(1).max(64),
  code: z
    .array(z.strictObject({ path: filePath, content: z.base64().max(CODE_BYTES_MAX * 2) }))
    .max(256)
    .default([])
    .describe('Files of the program, at /code in the room'),
  epsilon: z.number().positive().max(20).nullable().default(null).describe(`Only with \`${OWN_TRAINER}\``),
  cpus: z.int().min(1).max(256).default(1),
  memoryGib: z.number().min(0.1).max(4_096).default(1),
  hours: z.number().min(0.001).max(720).default(0.5),
  retrains: z
    .strictObject({ model: z.uuid(), copiesDestroyed: z.literal(true) })
    .nullable()
    .default(null)
    .describe('A model whose place this one takes; whoever asks declares that no copy of the old one is left'),
  output: z
    .array(outputFileSchema)
    .min(1)
    .max(64)
    .default([...DEFAULT_OUTPUT]),
})
export type RunWish = z.infer<typeof runWishSchema>

export const runRequestSchema = z.strictObject({
  grant: grantSchema,
  approvals: z.array(approvalSchema).max(32),
  wish: runWishSchema,
})
export type RunRequest = z.infer<typeof runRequestSchema>

export interface RunLimits {
  readonly cpus: number
  readonly memoryBytes: number
  readonly wallMs: number
  readonly outputBytes: number
}

/** @throws `ROOM_LIMIT` for more than the charter allows */
export function limitsOf({ training }: Charter, wish: RunWish): RunLimits {
  const outputBytes = wish.output.reduce((sum, { bytesMax }) => sum + bytesMax, 0)
  const over =
    wish.hours > training.hoursMax
      ? `hours: ${training.hoursMax}`
      : wish.memoryGib > training.memoryGibMax
        ? `memory: ${training.memoryGibMax} GiB`
        : outputBytes > training.outputMibMax * MIB
          ? `output: ${training.outputMibMax} MiB`
          : null
  if (over !== null) throw new FairtraceError('ROOM_LIMIT', `the charter allows at most ${over}`)
  return { cpus: wish.cpus, memoryBytes: wish.memoryGib * GIB, wallMs: wish.hours * HOUR_MS, outputBytes }
}

/** Of the program: its command and every file of it, under their names. */
export function codeDigest({ command, code }: Pick<RunWish, 'command' | 'code'>): string {
  const files = code
    .map(({ path, content }) => ({ path, sha256: createHash('sha256').update(content, 'base64').digest('base64url') }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return createHash('sha256').update(canonicalJson({ command, files })).digest('base64url')
}

/** What the supervisor and a role's process say to each other over the IPC channel. The channel is also the lifeline. */
import process from 'node:process'
import { z } from 'zod'

export const toRoleSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('clock'), id: z.int(), offsetMs: z.number() }),
  z.strictObject({ type: z.literal('addresses'), intake: z.string().optional(), portal: z.string().optional() }),
  z.strictObject({ type: z.literal('open'), id: z.int() }),
  z.strictObject({ type: z.literal('stop') }),
])
export type ToRole = z.infer<typeof toRoleSchema>

export const fromRoleSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready'), address: z.string().nullable() }),
  z.strictObject({ type: z.literal('failed'), code: z.string(), message: z.string() }),
  z.strictObject({ type: z.literal('done'), id: z.int(), refused: z.string().nullable() }),
])
export type FromRole = z.infer<typeof fromRoleSchema>

/** Says it to the supervisor, and waits until it is out; alone, to nobody. */
export function tellSupervisor(message: FromRole): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send || !process.connected) resolve()
    else process.send(message, () => resolve())
  })
}

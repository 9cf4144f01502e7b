/**
 * What a participant sees and exports of their own: opened with no grant, by their passkey's word alone, also while the programme
 * is locked. The keeper checks the passkey; this process knows none.
 */
import { assertionSchema, FairtraceError, isFairtraceError, OWN_OPENED_ENTRY, ownAccessSchema } from '@fairtrace/core'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Programme } from '../runtime/programme.ts'
import { type OpeningInput, openContentKeys, writeAnswer } from './opening.ts'

const requestSchema = z.strictObject({ request: ownAccessSchema, assertion: assertionSchema })
const enrolmentSchema = z.strictObject({ enrolment: z.string().max(8_192), vouchedBy: assertionSchema.nullable() })

export interface OwnOpeningsInput extends OpeningInput {
  readonly log: Logger
  currentProgramme(): Programme | null
}

/** Serves every waiting request of a participant's, one after another. */
export async function serveOwnOpenings(input: OwnOpeningsInput): Promise<void> {
  const { db, pool } = input.database
  const waiting = await db
    .selectFrom('vault.own_openings')
    .select(['id', 'request'])
    .where('state', '=', 'requested')
    .execute()
  for (const { id, request } of waiting) {
    try {
      const { index, keys } = await open(id, request, input)
      await writeAnswer(input.database, 'vault.own_openings', id, index, keys)
    } catch (error) {
      // Fails closed: whatever went wrong, the answer is a refusal and holds no key.
      const code = isFairtraceError(error) ? error.code : 'KEY_UNAVAILABLE'
      input.log.warn({ code, opening: id }, "a participant's own opening was refused")
      await db.updateTable('vault.own_openings').set({ state: 'refused', code }).where('id', '=', id).execute()
    }
    await pool.query(`select pg_notify('fairtrace_openings', $1)`, [id])
  }
}

/**
 * Takes passkeys of participants to the keeper, as the portal signed that it saw them enrolled.
 * @throws `KEEPER_UNREACHABLE`, `KEEPER_UNTRUSTED`; the enrolments stay
 */
export async function servePasskeyEnrolments({ database, keeper, log }: OwnOpeningsInput): Promise<void> {
  const waiting = await database.db
    .selectFrom('vault.passkey_enrolments')
    .select(['id', 'request'])
    .where('state', '=', 'requested')
    .execute()
  for (const { id, request } of waiting) {
    const row = database.db.updateTable('vault.passkey_enrolments').where('id', '=', id)
    try {
      const parsed = enrolmentSchema.safeParse(request)
      if (!parsed.success) throw new FairtraceError('PASSKEY_INVALID', 'the enrolment is malformed')
      const { result } = await keeper.call<'add-passkey'>({ call: 'add-passkey', ...parsed.data })
      await row.set({ state: 'done', usable_from_ms: result.usableFromMs }).execute()
    } catch (error) {
      const code = isFairtraceError(error) ? error.code : 'INTERNAL'
      // Only what the keeper judged is settled.
      if (!code.startsWith('PASSKEY_')) throw error
      log.warn({ code }, "a participant's passkey was refused by the keeper")
      await row.set({ state: 'refused', code }).execute()
    }
  }
}

async function open(id: string, row: unknown, input: OwnOpeningsInput) {
  const parsed = requestSchema.safeParse(row)
  const programme = input.currentProgramme()
  if (programme === null || !parsed.success || parsed.data.request.programme !== programme.id) {
    throw new FairtraceError('BODY_INVALID', 'the request is malformed, or there is no programme')
  }
  const { request, assertion } = parsed.data
  return await openContentKeys(
    {
      id,
      recipientKey: request.recipientKey,
      pseudonym: request.pseudonym,
      entryType: OWN_OPENED_ENTRY,
      detail: { request },
      // The keeper asks the passkey each time.
      requireStillAllowed: () => undefined,
      askKeeper: ({ items, replyKey }, logged) =>
        input.keeper.call<'open-own'>({ call: 'open-own', request, assertion, logged, items, replyKey }),
    },
    input,
  )
}

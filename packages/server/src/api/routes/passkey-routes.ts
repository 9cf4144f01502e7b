/** One's own passkeys, and their word for the next act. Everything here is the asker's own, found by their session. */
import { PASSKEY_ENROLMENT_TYP, type PasskeyEnrolment } from '@fairtrace/core'
import { signJws } from '../../runtime/jws.ts'
import type { PortalApp } from '../app.ts'
import { charterPasskey } from '../charter-passkey.ts'
import type { ParticipantIdentity } from '../identity.ts'
import type { StoredPasskey } from '../passkey-store.ts'
import type { Portal } from '../portal.ts'
import {
  doneAnswer,
  noFields,
  passkeyBody,
  passkeysAnswer,
  refusals,
  registerAnswer,
  registerBody,
  registerOptionsAnswer,
  stepUpBody,
  stepUpOptionsAnswer,
  stepUpOptionsBody,
} from '../schemas.ts'

const ANYBODY = { tags: ['passkeys'], security: [{ session: [] }] }

export function passkeyRoutes(app: PortalApp, portal: Portal): void {
  const { identities, passkeys } = portal
  app.get('/api/passkeys', {
    schema: { ...ANYBODY, summary: 'My passkeys', response: { 200: passkeysAnswer, ...refusals } },
    handler: async (request) => {
      const own = await passkeys.list(await identities.requireAnybody(request))
      const opensFrom = await keeperTimes(portal, own)
      return {
        passkeys: own.map((passkey) => ({
          id: passkey.id,
          usableFromMs: passkey.usableFromMs,
          charter: charterPasskey(passkey),
          ownDataFromMs: opensFrom.get(passkey.id) ?? null,
        })),
      }
    },
  })

  app.post('/api/passkeys/options', {
    schema: {
      ...ANYBODY,
      summary: 'Begin adding a passkey',
      body: noFields,
      response: { 200: registerOptionsAnswer, ...refusals },
    },
    handler: async (request) => ({
      ...(await passkeys.registrationOptions(await identities.requireAnybody(request))),
    }),
  })

  app.post('/api/passkeys', {
    schema: {
      ...ANYBODY,
      summary: 'Add a passkey; a further one that none of mine vouched for works after 72 hours',
      body: registerBody,
      response: { 200: registerAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireAnybody(request)
      const { usableFromMs } = await passkeys.register(who, request.body)
      if (who.kind === 'participant') await enrolWithKeeper(portal, who, request.body.id)
      return { usableFromMs }
    },
  })

  app.post('/api/passkeys/remove', {
    schema: {
      ...ANYBODY,
      summary: 'Remove a passkey, after a step-up for change-passkeys',
      body: passkeyBody,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request) => {
      await passkeys.remove(await identities.requireAnybody(request), request.body.id)
      return { done: true as const }
    },
  })

  app.post('/api/step-up/options', {
    schema: {
      ...ANYBODY,
      summary: 'Begin to confirm the next act with a passkey',
      body: stepUpOptionsBody,
      response: { 200: stepUpOptionsAnswer, ...refusals },
    },
    handler: async (request) => {
      const options = await passkeys.stepUpOptions(await identities.requireAnybody(request), request.body.purpose)
      return { options: options === null ? null : { ...options } }
    },
  })

  app.post('/api/step-up', {
    schema: {
      ...ANYBODY,
      summary: 'Confirm the next act of this purpose in this session, within five minutes',
      body: stepUpBody,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request) => {
      const { purpose, ...answer } = request.body
      await passkeys.stepUp(await identities.requireAnybody(request), purpose, answer)
      return { done: true as const }
    },
  })
}

/**
 * Tells the keeper of a participant's passkey, through the vault: with it they open what is stored about them. The keeper decides by
 * its own clock from when on it works.
 */
async function enrolWithKeeper(portal: Portal, who: ParticipantIdentity, credential: string): Promise<void> {
  const { passkeys, programmes, database, issuer, clock } = portal
  const stored = (await passkeys.list(who)).find(({ id }) => id === credential)
  const passkey = stored === undefined ? null : charterPasskey(stored)
  const programme = await programmes.read()
  // Of a kind that the keeper can't check, or before there is a programme: it works for the portal alone.
  if (passkey === null || programme === null) return
  const enrolment: PasskeyEnrolment = {
    programme: programme.id,
    pseudonym: who.pseudonym,
    passkey,
    atMs: clock.nowMs(),
  }
  const request = { enrolment: signJws(PASSKEY_ENROLMENT_TYP, enrolment, issuer), vouchedBy: null }
  await database.db
    .insertInto('vault.passkey_enrolments')
    .values({ id: credential, request: JSON.stringify(request) })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await database.pool.query(`select pg_notify('fairtrace_openings', '')`)
}

/** From when on the keeper lets each of these passkeys open what is stored about its owner. */
async function keeperTimes({ database }: Portal, own: readonly StoredPasskey[]): Promise<ReadonlyMap<string, number>> {
  const rows = await database.db
    .selectFrom('vault.passkey_enrolments')
    .select(['id', 'usable_from_ms'])
    .where('state', '=', 'done')
    .where('id', 'in', ['', ...own.map(({ id }) => id)])
    .execute()
  return new Map(rows.flatMap(({ id, usable_from_ms: fromMs }) => (fromMs === null ? [] : [[id, fromMs]])))
}

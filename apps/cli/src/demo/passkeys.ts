/** Passkeys of the demonstration's people, in software: the owner's is gone again when it has done its part. */
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError } from '@fairtrace/core'
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import type { PortalSession } from './portal-session.ts'

const creationSchema = z.object({ challenge: z.string(), rp: z.object({ id: z.string() }) })
const requestSchema = z.object({ options: z.object({ challenge: z.string(), rpId: z.string() }) })
const passkeysSchema = z.object({ passkeys: z.array(z.object({ ownDataFromMs: z.number().nullable() })) })
const anything = z.unknown()
const KEEPER_TRIES = 300

export type Confirm = (purpose: 'approve-programme' | 'run-programme' | 'change-passkeys') => Promise<void>

/**
 * Lets the owner confirm acts with a passkey while `work` lasts, as in a real programme. Removed afterwards: whoever tries the
 * demonstration's buttons doesn't hold it, and may press them without.
 */
export async function withPasskey(
  owner: PortalSession,
  portalUrl: string,
  work: (confirm: Confirm) => Promise<void>,
): Promise<void> {
  const passkey = softwareAuthenticator()
  const origin = passkeyOrigin(portalUrl)
  const confirm: Confirm = async (purpose) => {
    const { options } = await owner.post('/api/step-up/options', { purpose }, requestSchema)
    await owner.post('/api/step-up', { purpose, ...passkey.get(options, origin) }, anything)
  }
  const options = await owner.post('/api/passkeys/options', {}, creationSchema)
  await owner.post('/api/passkeys', passkey.create(options, origin), anything)
  await work(confirm)
  await confirm('change-passkeys')
  await owner.post('/api/passkeys/remove', { id: passkey.id }, anything)
}

/**
 * Adds a passkey that stays: with it a participant sees what is stored about them. Before anything is stored it works at once.
 * @param seed of the software passkey
 */
export async function addPasskey(person: PortalSession, portalUrl: string, seed: string): Promise<void> {
  const options = await person.post('/api/passkeys/options', {}, creationSchema)
  const passkey = softwareAuthenticator({ seed })
  await person.post('/api/passkeys', passkey.create(options, passkeyOrigin(portalUrl)), anything)
  // The keeper has to hear of it before the clock jumps over weeks.
  for (let tries = 0; tries < KEEPER_TRIES; tries++) {
    const { passkeys } = await person.get('/api/passkeys', passkeysSchema)
    if (passkeys.some(({ ownDataFromMs }) => ownDataFromMs !== null)) return
    await sleep(100)
  }
  throw new FairtraceError('KEEPER_UNREACHABLE', 'the keeper did not hear of a passkey')
}

/** A browser binds passkeys to names, so the portal on this machine calls itself `localhost` for them. */
function passkeyOrigin(portalUrl: string): string {
  const url = new URL(portalUrl)
  url.hostname = 'localhost'
  return url.origin
}

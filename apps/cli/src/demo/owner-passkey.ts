/** The passkey of the demonstration's owner: in software, as no visitor has it, and gone again when it has done its part. */
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import type { PortalSession } from './portal-session.ts'

const creationSchema = z.object({ challenge: z.string(), rp: z.object({ id: z.string() }) })
const requestSchema = z.object({ options: z.object({ challenge: z.string(), rpId: z.string() }) })
const anything = z.unknown()

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

/** A browser binds passkeys to names, so the portal on this machine calls itself `localhost` for them. */
function passkeyOrigin(portalUrl: string): string {
  const url = new URL(portalUrl)
  url.hostname = 'localhost'
  return url.origin
}

/** A person at a portal with a software authenticator, who does what a browser's script would. */
import type { SoftwareAuthenticator } from '@fairtrace/testing/simulator'
import type { Answer, PortalGround } from './portal-ground.ts'

type Purpose = 'approve-programme' | 'run-programme' | 'change-passkeys'
interface Options {
  readonly challenge: string
  readonly rp: { readonly id: string }
}

/** The origin whose pages may use the passkeys of a portal on the loopback address. */
export function passkeyOrigin(ground: PortalGround): string {
  return ground.url.replace('127.0.0.1', 'localhost')
}

export async function registrationOptions(ground: PortalGround, token: string): Promise<Options> {
  const { body } = await ground.call('/api/passkeys/options', { token, body: {} })
  return body as unknown as Options
}

export async function addPasskey(
  ground: PortalGround,
  token: string,
  authenticator: SoftwareAuthenticator,
): Promise<Answer> {
  const created = authenticator.create(await registrationOptions(ground, token), passkeyOrigin(ground))
  return ground.call('/api/passkeys', { token, body: created })
}

export async function stepUpOptions(ground: PortalGround, token: string, purpose: Purpose): Promise<Options> {
  const { body } = await ground.call('/api/step-up/options', { token, body: { purpose } })
  return body.options as Options
}

export async function stepUp(
  ground: PortalGround,
  token: string,
  purpose: Purpose,
  authenticator: SoftwareAuthenticator,
): Promise<Answer> {
  const answer = authenticator.get(await stepUpOptions(ground, token, purpose), passkeyOrigin(ground))
  return ground.call('/api/step-up', { token, body: { purpose, ...answer } })
}

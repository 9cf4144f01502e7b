/** Participants with devices of their own, and everything that the portal's side sees of them. */
import { DeviceConcerns } from '@fairtrace/device'
import { TEST_PUBLIC_KEYS } from '@fairtrace/testing/harness'
import { Person, type PortalGround } from '../portal-ground.ts'

/** One request as the server's side of the API sees it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly answer: string
}

export interface ConcernPerson {
  readonly person: Person
  readonly concerns: DeviceConcerns
  /** Every request of this device, in order. */
  readonly seen: Seen[]
  /** What the device keeps. */
  readonly kept: Map<string, unknown>
}

export async function joinAsConcernPerson(ground: PortalGround, owner: string): Promise<ConcernPerson> {
  const person = await Person.join(ground, owner)
  return anotherDeviceOf(ground, person)
}

/** @param change what the device is told in place of the portal's answer */
export function anotherDeviceOf(
  ground: PortalGround,
  person: Person,
  change: (path: string, answer: string) => string = (_path, answer) => answer,
): ConcernPerson {
  const seen: Seen[] = []
  const kept = new Map<string, unknown>()
  const fetching: typeof fetch = async (input, init) => {
    const { pathname } = new URL(String(input))
    const response = await fetch(input, init)
    const answer = await response.text()
    const headers = Object.fromEntries(new Headers(init?.headers))
    seen.push({ method: init?.method ?? 'GET', path: pathname, headers, body: String(init?.body ?? ''), answer })
    return new Response(change(pathname, answer), { status: response.status, headers: response.headers })
  }
  const pins = { programme: 'test-programme', issuer: TEST_PUBLIC_KEYS.issuer, vault: TEST_PUBLIC_KEYS.vault }
  const membership = {
    serverUrl: ground.url,
    session: person.session,
    pins,
    noticeVersion: 1,
    reflectionEndsAtMs: null,
  }
  const settings = {
    // As on a disk: what comes back is another value.
    readSetting: async (name: string) => structuredClone(kept.get(name) ?? null),
    writeSetting: async (name: string, value: unknown) => void kept.set(name, structuredClone(value)),
  }
  return { person, concerns: new DeviceConcerns(fetching, membership, settings, ground), seen, kept }
}

/** The first token that a device holds, for a use by its place. */
export function keptToken(
  { kept }: ConcernPerson,
  place: number,
): { readonly nonce: string; readonly signature: string } {
  const { rounds } = kept.get('concerns') as { rounds: { tokens: { nonce: string; signature: string }[] }[] }
  const token = rounds.at(-1)?.tokens[place]
  if (token === undefined) throw new Error('the device holds no such token')
  return token
}

/** Grants at a real portal: asked for, approved with passkeys or refused, ended, listed, and who is told of it. */
import { createHmac, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TEST_AUTHENTICATORS } from '@fairtrace/testing/harness'
import { type SoftwareAuthenticator, softwareAuthenticator } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addPasskey, passkeyOrigin } from './passkey-ground.ts'
import {
  DAY_MS,
  OWNER,
  type PortalGround,
  PROTECTION,
  RESEARCHER,
  startPortalGround,
  startProgramme,
} from './portal-ground.ts'

const HOUR = 3_600_000
const REPRESENTATIVE = { name: 'Robin', role: 'worker-representative', password: 'representative-password' } as const
const AUDITOR = { name: 'Ada Auditor', role: 'auditor', password: 'auditor-password' } as const
const READER = { ...RESEARCHER, groups: ['agent-training'] }
const STRANGER = { name: 'Sid Stranger', role: 'researcher', password: 'stranger-password' } as const
/** Approves, and is a member of the audience. */
const BOTH = { ...PROTECTION, name: 'Dana weiss', groups: ['agent-training'] }
const WISH = { scope: { kind: 'recordings', releaseName: 'first' }, reason: 'The first release.', lengthMs: HOUR }

interface Shown {
  readonly grant: { readonly id: string; readonly requester: { readonly name: string; readonly group: string } }
  readonly hash: string
  readonly state: string
}

describe('access', () => {
  let ground: PortalGround
  const token: Record<string, string> = {}

  beforeAll(async () => {
    ground = await startPortalGround()
    const accounts = [OWNER, READER, STRANGER, PROTECTION, REPRESENTATIVE, AUDITOR, BOTH]
    writeFileSync(ground.accountsFile, JSON.stringify({ accounts, approvers: [] }))
    for (const { name, password } of accounts) token[name] = await ground.signIn(name, password)
    await startProgramme(ground, token[OWNER.name] ?? '')
    ground.portal.setReady(true)
  })
  afterAll(() => ground.stop())

  const call = (who: string, path: string, body?: unknown) =>
    ground.call(path, { token: token[who] ?? '', ...(body === undefined ? {} : { body }) })
  const ask = async (who: string = READER.name, wish: object = WISH) => call(who, '/api/grants', wish)
  const asked = async (): Promise<Shown> => (await ask()).body as unknown as Shown
  const assertionOf = (authenticator: SoftwareAuthenticator, challenge: string, origin = passkeyOrigin(ground)) => {
    const { id, response } = authenticator.get({ challenge, rpId: 'localhost' }, origin)
    return { assertion: { credential: id, ...response } }
  }
  const approve = (who: string, { grant, hash }: Shown, authenticator: SoftwareAuthenticator, challenge = hash) =>
    call(who, `/api/grants/${grant.id}/approvals`, assertionOf(authenticator, challenge))
  const { dataProtection: DANAS, workerRepresentative: ROBINS } = TEST_AUTHENTICATORS

  it('refuses whoever is not of the audience, asks for too long, or for another purpose than there is', async () => {
    expect((await ask(STRANGER.name)).code).toBe('ACCESS_DENIED')
    expect((await ask(OWNER.name)).code).toBe('ROLE_REQUIRED')
    expect((await ask(READER.name, { ...WISH, lengthMs: 8 * HOUR + 1 })).code).toBe('ACCESS_DENIED')
    expect((await ask(READER.name, { ...WISH, lengthMs: 0 })).code).toBe('BODY_INVALID')
    expect((await ask(READER.name, { ...WISH, purpose: 'dpv:PersonnelPerformanceMonitoring' })).code).toBe(
      'BODY_INVALID',
    )
    // A release opens for the training room's own key; nobody names another.
    const release = { kind: 'release', release: 'A'.repeat(43) }
    expect((await ask(READER.name, { ...WISH, scope: release, recipientKey: 'A'.repeat(43) })).code).toBe(
      'BODY_INVALID',
    )
    expect((await call(AUDITOR.name, '/api/grants')).body).toEqual({ grants: [] })
  })

  it('takes a request, and shows it to who asked and to who watches alone', async () => {
    const shown = await asked()
    expect(shown).toMatchObject({
      state: 'requested',
      grant: { requester: { name: READER.name, group: 'agent-training' } },
    })
    const path = `/api/grants/${shown.grant.id}`
    for (const who of [READER, PROTECTION, REPRESENTATIVE, AUDITOR])
      expect((await call(who.name, path)).status).toBe(200)
    expect((await call(STRANGER.name, path)).code).toBe('NOT_FOUND')
    expect((await call(OWNER.name, path)).code).toBe('ROLE_REQUIRED')
    expect((await call(STRANGER.name, '/api/grants')).body).toEqual({ grants: [] })
  })

  it('counts an approval by the charter’s own passkey over this very grant, and nothing else', async () => {
    const shown = await asked()
    const other = await asked()
    const path = `/api/grants/${shown.grant.id}/approvals`
    const mine = softwareAuthenticator()
    await addPasskey(ground, token[PROTECTION.name] ?? '', mine)
    expect((await approve(PROTECTION.name, shown, mine)).code).toBe('GRANT_APPROVAL_INVALID')
    expect((await approve(PROTECTION.name, shown, DANAS, other.hash)).code).toBe('GRANT_APPROVAL_INVALID')
    expect((await approve(RESEARCHER.name, shown, DANAS)).code).toBe('ROLE_REQUIRED')
    const elsewhere = assertionOf(DANAS, shown.hash, 'https://localhost.evil.example')
    expect((await call(PROTECTION.name, path, elsewhere)).code).toBe('GRANT_APPROVAL_INVALID')
    const absent = softwareAuthenticator({ isUserVerified: false })
    expect((await approve(PROTECTION.name, shown, absent)).code).toBe('GRANT_APPROVAL_INVALID')
    expect((await call(PROTECTION.name, `/api/grants/${shown.grant.id}`)).body).toMatchObject({
      state: 'requested',
      approvals: [],
    })
  })

  it('offers an approver the grant’s hash as challenge, and the passkeys of their role', async () => {
    const shown = await asked()
    const { body } = await call(PROTECTION.name, `/api/grants/${shown.grant.id}/approval-options`)
    expect(body).toEqual({
      challenge: shown.hash,
      rpId: 'localhost',
      userVerification: 'required',
      allowCredentials: [{ id: DANAS.id, type: 'public-key' }],
    })
  })

  it('never lets somebody approve their own request, under whatever account', async () => {
    const own = (await ask(BOTH.name)).body as unknown as Shown
    expect(own.state ?? 'refused').toBe('refused')
    // As a researcher they may ask; the approval under the other account is still theirs by name.
    writeFileSync(
      ground.accountsFile,
      JSON.stringify({ accounts: [{ ...BOTH, role: 'researcher', password: 'second-password' }], approvers: [] }),
    )
    token.asker = await ground.signIn(BOTH.name, 'second-password')
    const shown = (await ask('asker')).body as unknown as Shown
    expect((await approve(PROTECTION.name, shown, DANAS)).code).toBe('SELF_APPROVAL')
  })

  it('hands a grant to the vault after two approvals in different roles, once', async () => {
    const shown = await asked()
    const first = await approve(PROTECTION.name, shown, DANAS)
    expect(first.body).toMatchObject({ state: 'requested', approvals: [{ role: 'data-protection' }] })
    expect((await approve(PROTECTION.name, shown, DANAS)).code).toBe('GRANT_NOT_WAITING')
    expect(await handedOver(shown.hash)).toBe(0)
    const second = await approve(REPRESENTATIVE.name, shown, ROBINS)
    expect(second.body).toMatchObject({ state: 'approved' })
    expect(await handedOver(shown.hash)).toBe(1)
    expect((await approve(REPRESENTATIVE.name, shown, ROBINS)).code).toBe('GRANT_NOT_WAITING')
  })

  it('hands over what a crash came between', async () => {
    const shown = await asked()
    await approve(PROTECTION.name, shown, DANAS)
    const approval = {
      approver: 'Robin Okafor',
      role: 'worker-representative',
      atMs: ground.nowMs(),
      ...assertionOf(ROBINS, shown.hash),
    }
    await ground.sql.query('update access.grants set approvals = approvals || $2::jsonb where id = $1', [
      shown.grant.id,
      JSON.stringify([approval]),
    ])
    await expect.poll(() => handedOver(shown.hash), { timeout: 10_000 }).toBe(1)
  })

  it('keeps what was refused, ended or lapsed in the list, with the reason', async () => {
    const refused = await asked()
    const path = `/api/grants/${refused.grant.id}`
    expect((await call(PROTECTION.name, `${path}/refuse`, { reason: ' ' })).code).toBe('BODY_INVALID')
    expect((await call(PROTECTION.name, `${path}/refuse`, { reason: 'Too broad.' })).body).toMatchObject({
      state: 'refused',
      refusal: { by: PROTECTION.name, reason: 'Too broad.' },
    })
    expect((await approve(REPRESENTATIVE.name, refused, ROBINS)).code).toBe('GRANT_NOT_WAITING')
    // The vault holds the no too, in case both approvals reached it a moment before.
    const fenced = async (hash: string) =>
      (await ground.sql.query('select 1 from vault.grant_ends where grant_hash = $1', [hash])).rowCount
    expect(await fenced(refused.hash)).toBe(1)
    const ended = await asked()
    expect((await call(STRANGER.name, `/api/grants/${ended.grant.id}/end`, {})).code).toBe('NOT_FOUND')
    expect((await call(READER.name, `/api/grants/${ended.grant.id}/end`, {})).body).toMatchObject({ state: 'ended' })
    expect((await call(READER.name, `/api/grants/${ended.grant.id}/end`, {})).code).toBe('GRANT_NOT_WAITING')
    expect(await fenced(ended.hash)).toBe(1)
  })

  it('says who can do what, and by which policy', async () => {
    const { body } = await call(PROTECTION.name, '/api/access/who')
    expect(body.reach).toContainEqual({
      person: READER.name,
      resource: { kind: 'recordings' },
      can: 'ask',
      policies: ['request:agent-training'],
      grant: null,
      untilMs: null,
    })
    expect(body.reach).toContainEqual(expect.objectContaining({ person: 'Robin Okafor', can: 'approve' }))
    expect(body.reach).not.toContainEqual(expect.objectContaining({ person: STRANGER.name }))
    expect(body.reach).not.toContainEqual(expect.objectContaining({ can: 'open' }))
    const what = (person: string) => `/api/access/what?person=${encodeURIComponent(person)}`
    expect((await call(AUDITOR.name, what(READER.name))).body.reach).toMatchObject([{ can: 'ask' }])
    expect((await call(READER.name, what(READER.name))).status).toBe(200)
    expect((await call(READER.name, what(PROTECTION.name))).code).toBe('ROLE_REQUIRED')
    expect((await call(STRANGER.name, '/api/access/who')).code).toBe('ROLE_REQUIRED')
  })

  it('shows every role its page, and tells who has to act', async () => {
    const page = async (who: string) => String((await call(who, '/access')).body.text)
    expect(await page(PROTECTION.name)).toContain('Reason to refuse')
    expect(await page(READER.name)).toContain('Ask for access')
    expect(await page(AUDITOR.name)).not.toContain('Reason to refuse')
  })

  it('closes every request with a new epoch', async () => {
    const shown = await asked()
    await call(PROTECTION.name, '/api/programme/epoch', {})
    expect((await call(READER.name, `/api/grants/${shown.grant.id}`)).body).toMatchObject({ state: 'fenced' })
    expect((await approve(PROTECTION.name, shown, DANAS)).code).toBe('GRANT_NOT_WAITING')
  })

  it('lets a request lapse that nobody approved within a week', async () => {
    const shown = await asked()
    ground.moveClock(8 * DAY_MS)
    expect((await call(READER.name, `/api/grants/${shown.grant.id}`)).body).toMatchObject({ state: 'lapsed' })
    expect((await approve(PROTECTION.name, shown, DANAS)).code).toBe('GRANT_NOT_WAITING')
  })

  async function handedOver(hash: string): Promise<number> {
    const { rows } = await ground.sql.query('select 1 from vault.activations where grant_hash = $1', [hash])
    return rows.length
  }
})

describe('webhooks', () => {
  const secret = randomBytes(24).toString('base64')
  const got: { readonly headers: Record<string, unknown>; readonly body: string }[] = []
  let failures = 2
  let receiver: Server
  let ground: PortalGround

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        if (failures-- > 0) return response.writeHead(503).end()
        got.push({ headers: request.headers, body })
        return response.writeHead(204).end()
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    ground = await startPortalGround()
    writeFileSync(ground.accountsFile, JSON.stringify({ accounts: [OWNER, READER, PROTECTION], approvers: [] }))
    await startProgramme(ground, await ground.signIn(OWNER.name, OWNER.password))
  })
  afterAll(async () => {
    await ground.stop()
    receiver.close()
  })

  it('tell of a request, signed, without its requester, and again until it is heard', async () => {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
    const portal = await ground.another({
      access: { builderBoxKey: 'B'.repeat(43), roomBoxKey: 'R'.repeat(43), webhooks: [{ url, secret }] },
    })
    const call = ground.callAt(portal.address)
    const signedIn = await call('/api/sign-in', { body: { name: READER.name, password: READER.password } })
    const token = /fairtrace_session=([\w-]+)/.exec(signedIn.headers.get('set-cookie') ?? '')?.[1] ?? ''
    expect((await call('/api/grants', { token, body: WISH })).status).toBe(200)
    await expect.poll(() => got.length, { timeout: 20_000 }).toBe(1)
    const { headers, body } = got[0] ?? { headers: {}, body: '' }
    const signed = createHmac('sha256', Buffer.from(secret, 'base64'))
      .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
      .digest('base64')
    expect(headers['webhook-signature']).toBe(`v1,${signed}`)
    expect(JSON.parse(body)).toMatchObject({ type: 'grant.requested', data: { reason: WISH.reason } })
    expect(body).not.toContain(READER.name)
  })
})

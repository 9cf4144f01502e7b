/** A participant opens and exports what is stored about them, with their own passkey alone, on a whole installation. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownAccessChallenge, ownAccessSchema } from '@fairtrace/core'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ownDataCsv, readOwnData } from '../apps/cli/src/access/own-data.ts'
import { DEMO_CLOCK_START_MS, runCycle } from '../apps/cli/src/demo/cycle.ts'
import { readPeople } from '../apps/cli/src/demo/people.ts'
import { PortalSession } from '../apps/cli/src/demo/portal-session.ts'

const ENTRY = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url))
const anything = z.unknown()
const requestOf = (page: string) =>
  ownAccessSchema.parse(
    JSON.parse(Buffer.from(new URL(page).searchParams.get('request') ?? '', 'base64url').toString()),
  )

describe('one’s own data', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-own-'))
  const dir = new DataDir(join(folder, 'data'))
  let embedded: Embedded
  let pat: PortalSession
  let seed = ''

  beforeAll(async () => {
    embedded = await startEmbedded({
      dir,
      host: '127.0.0.1',
      port: 0,
      entry: ENTRY,
      kindIfNew: 'demonstration',
      clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
    })
    await runCycle(embedded, dir, { participants: 8, recordings: null })
    const account = readPeople(dir).accounts.find(({ role }) => role === 'participant')
    pat = PortalSession.participant(embedded.portalUrl, account?.session ?? '')
    seed = account?.passkeySeed ?? ''
  })
  afterAll(async () => {
    await embedded?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Reads as the command does, while `key` answers on the page in place of the person. */
  async function read(key = softwareAuthenticator({ seed })) {
    const confirmed: Promise<unknown>[] = []
    const data = await readOwnData(pat, 'export', {
      onConfirm: (page) => confirmed.push(confirm(page, key)),
      onProgress: () => undefined,
    })
    await Promise.all(confirmed)
    return data
  }
  async function confirm(page: string, key = softwareAuthenticator({ seed })): Promise<unknown> {
    const request = requestOf(page)
    const assertion = key.assert({ challenge: ownAccessChallenge(request), rpId: 'localhost' }, new URL(page).origin)
    return await pat.post('/api/me/data/openings', { request, assertion }, anything)
  }

  it('opens with the passkey that was there before anything was stored, and stands in the ledger', async () => {
    const data = await read()
    expect(data.ledgerIndex).toBeGreaterThan(0)
    expect(data.recordings.length).toBeGreaterThan(0)
    const actions = data.recordings.flatMap((recording) => recording.actions)
    expect(actions.length).toBeGreaterThan(50)
    expect(new Set(actions.map(({ kind }) => kind)).has('click')).toBe(true)
    const csv = ownDataCsv(data).split('\r\n')
    expect(csv).toHaveLength(actions.length + 2)
    expect(csv[0]).toBe('recording,part,task,outcome,kind,sentence')
  })

  it('opens with no other passkey, and the code says why', async () => {
    const other = softwareAuthenticator()
    await expect(read(other)).rejects.toMatchObject({ code: 'PASSKEY_UNKNOWN' })
    const options = await pat.post(
      '/api/passkeys/options',
      {},
      z.object({ challenge: z.string(), rp: z.object({ id: z.string() }) }),
    )
    const origin = embedded.portalUrl.replace('127.0.0.1', 'localhost')
    await pat.post('/api/passkeys', other.create(options, origin), anything)
    // Whoever holds a stolen session adds one of their own: for three days it opens nothing.
    await expect
      .poll(() => read(other).catch((error: { code: string }) => error.code), { timeout: 20_000 })
      .toBe('PASSKEY_WAITS')
  })

  it('is for its owner’s session alone', async () => {
    const { request } = await pat.post(
      '/api/me/data/requests',
      { what: 'view', recipientKey: 'A'.repeat(43) },
      z.object({ request: ownAccessSchema }),
    )
    const someone = { ...request, pseudonym: 'B'.repeat(22) }
    const key = softwareAuthenticator({ seed })
    const assertion = key.assert({ challenge: ownAccessChallenge(someone), rpId: 'localhost' }, 'http://localhost')
    const asked = pat.post('/api/me/data/openings', { request: someone, assertion }, anything)
    await expect(asked).rejects.toMatchObject({ code: 'BODY_INVALID' })
    const anybody = PortalSession.anonymous(embedded.portalUrl)
    await expect(anybody.get('/api/me/chunks', anything)).rejects.toMatchObject({ code: 'SESSION_REQUIRED' })
    await expect(pat.get(`/api/me/chunks/${'C'.repeat(43)}`, anything)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(pat.get(`/api/me/data/openings/${'D'.repeat(22)}`, anything)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})

/** Who may not see or touch the review page: another account, another page, another name, yesterday's token. */
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FIRST, type ReviewGround, send, startReviewGround } from './review-ground.ts'

describe('the review page', () => {
  let ground: ReviewGround
  let mine: { path: string; cookie: string }
  const enter = (token: string) =>
    send(ground.origin, '/enter', { method: 'POST', body: token, headers: { origin: ground.origin } })
  const freshToken = () => new URL(ground.page.mint()).hash.slice(1)

  beforeAll(async () => {
    ground = await startReviewGround()
    mine = await ground.enter()
  })
  afterAll(() => ground?.page.stop())

  it('shows nothing without a session, whatever is asked for', async () => {
    for (const path of ['/', '/%2e%2e/', '/assets/review.css']) {
      expect((await send(ground.origin, path)).body, path).not.toContain('Reply')
    }
    for (const path of [mine.path, `${mine.path}recordings/${FIRST}`, '/recordings', `//${mine.path}`]) {
      const { status, body } = await send(ground.origin, path)
      expect(status, path).toBeGreaterThanOrEqual(400)
      expect(body, path).not.toContain('Reply')
    }
  })

  it('gives a session for a token once', async () => {
    const token = freshToken()
    expect((await enter(token)).status).toBe(200)
    expect((await enter(token)).status).toBe(401)
  })

  it('closes what a token opened when it comes a second time', async () => {
    const token = freshToken()
    const first = await enter(token)
    const cookie = String(first.headers['set-cookie']?.[0]?.split(';')[0])
    expect((await send(ground.origin, first.body, { headers: { cookie } })).status).toBe(200)
    await enter(token)
    expect((await send(ground.origin, first.body, { headers: { cookie } })).status).toBe(401)
  })

  it.each(['', 'x', 'A'.repeat(43), 'A'.repeat(300_000)])(
    'refuses a token that it did not make (%#)',
    async (token) => {
      const answer = await enter(token)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.headers['set-cookie']).toBeUndefined()
    },
  )

  it('binds its cookie to a path that nobody can guess, and keeps it from scripts and other sites', async () => {
    const answer = await enter(freshToken())
    expect(answer.headers['set-cookie']?.[0]).toMatch(/Path=\/[\w-]{32}\/; HttpOnly; SameSite=Strict$/)
  })

  it('opens no session with the cookie of another, or without its path', async () => {
    const other = await ground.enter()
    expect((await send(ground.origin, mine.path, { headers: { cookie: other.cookie } })).status).toBe(401)
    expect((await send(ground.origin, '/', { headers: { cookie: mine.cookie } })).body).not.toContain('Reply')
  })

  it('refuses a name that was pointed at this computer', async () => {
    const port = new URL(ground.origin).port
    for (const host of [`evil.example:${port}`, `localhost:${port}`, '127.0.0.1', `127.0.0.1.evil.example:${port}`]) {
      const { status } = await send(ground.origin, mine.path, { headers: { host, cookie: mine.cookie } })
      expect([host, status]).toEqual([host, 403])
    }
  })

  it('does nothing for a form of another page, of no page, or without its own value', async () => {
    const { path, cookie } = mine
    const { origin } = ground
    const post = (headers: Record<string, string>, body: string) =>
      send(origin, `${path}withdraw`, { method: 'POST', body, headers: { cookie, ...headers } })
    const shown = await send(origin, path, { headers: { cookie } })
    const right = `form=${/name="form" value="([\w-]+)"/.exec(shown.body)?.[1]}`
    const refused: readonly (readonly [Record<string, string>, string])[] = [
      [{}, right],
      [{ origin: 'null' }, right],
      [{ origin: 'https://evil.example' }, right],
      [{ origin: 'http://127.0.0.1:1' }, right],
      [{ origin, 'sec-fetch-site': 'same-site' }, right],
      [{ origin }, 'form=guess'],
      [{ origin }, ''],
    ]
    for (const [headers, body] of refused) expect((await post(headers, body)).status).toBe(403)
    expect(ground.asked).toEqual([])
    expect((await post({ origin }, right)).status).toBe(303)
    expect(ground.asked).toEqual([{ ask: 'withdraw' }])
  })

  it('shows nothing to a page that leads or reaches to it', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { cookie: mine.cookie, 'sec-fetch-site': site }
      expect((await send(ground.origin, mine.path, { headers })).status).toBe(403)
    }
  })

  it('may be kept, framed and read by nobody', async () => {
    const { headers } = await send(ground.origin, mine.path, { headers: { cookie: mine.cookie } })
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(headers['content-security-policy']).not.toContain('unsafe')
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })

  it('listens to this computer alone', async () => {
    const port = Number(new URL(ground.origin).port)
    const all = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
    for (const { address } of all.filter((one) => !one.internal && one.family === 'IPv4')) {
      await expect(send(`http://${address}:${port}`, '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })
})

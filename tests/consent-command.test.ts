/** `fairtrace consent` as a participant runs it: a process of its own, a device folder, a real portal. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { openDatabase } from '@fairtrace/server/store/database'
import { noteAccess } from '@fairtrace/server/vault/access-notices'
import { CHARTER_YAML } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS, OWNER, type PortalGround, startPortalGround, startProgramme } from './portal-ground.ts'

const MAIN = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url))

describe('fairtrace consent', () => {
  let ground: PortalGround
  let folder: string
  let device: string
  const file = (name: string) => join(folder, name)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fairtrace-consent-'))
    device = file('device')
    writeFileSync(file('charter.yaml'), CHARTER_YAML)
    ground = await startPortalGround()
    const owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
    const { body } = await ground.call('/api/invitations', { token: owner, body: { count: 1 } })
    const [code = ''] = body.codes as string[]
    await fairtrace('replay', '--device', device, '--server', ground.url, '--join', code)
  })
  afterAll(async () => {
    await ground?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function fairtrace(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const running = spawn(process.execPath, ['--no-warnings', MAIN, ...args])
    let [out, err] = ['', '']
    running.stdout.on('data', (chunk) => (out += chunk))
    running.stderr.on('data', (chunk) => (err += chunk))
    const code = await new Promise<number | null>((resolve) => running.on('close', resolve))
    return { code, out, err }
  }
  const consent = (command: string, ...args: string[]) => fairtrace('consent', command, '--device', device, ...args)

  it('refuses a device that has not joined, and a yes without the notice that was read', async () => {
    expect((await fairtrace('consent', 'show', '--device', file('another'))).err).toContain('DEVICE_UNKNOWN')
    expect((await consent('give')).code).toBe(2)
    expect((await consent('give', '--notice', '1')).err).toContain('REFLECTION_NOT_OVER')
    expect((await consent('withdraw')).err).toContain('CONSENT_REQUIRED')
    expect((await consent('receipt')).err).toContain('NOT_FOUND')
  })

  it('shows the notice, and that nothing was decided', async () => {
    const { out } = await consent('show')
    expect(out).toContain('You can say no, and nobody learns of it.')
    expect(out).toContain('You have decided nothing. Nothing is recorded')
  })

  it('says yes, pauses, resumes, and shows every past state', async () => {
    ground.moveClock(14 * DAY_MS)
    expect((await consent('give', '--notice', '2')).err).toContain('CONSENT_STALE')
    expect((await consent('give', '--notice', '1', '--apps', 'desktop:bank')).code).toBe(2)
    expect((await consent('give', '--notice', '1', '--categories', 'pointer', '--apps', 'desktop:mail')).code).toBe(0)
    const givenAt = new Date(ground.nowMs()).toISOString()
    ground.moveClock(60_000)
    expect((await consent('pause')).out).toContain('Paused.')
    expect((await consent('show')).out).toContain('You have paused')
    expect((await consent('resume')).code).toBe(0)
    const { out } = await consent('history')
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => line.split('  ')[2]),
    ).toEqual(['yes, to notice 1: pointer in desktop:mail', 'paused', 'resumed'])
    const then = JSON.parse((await consent('history', '--at', givenAt, '--json')).out)
    expect(then).toMatchObject({ legalState: 'given', isPaused: false, version: 1 })
    expect(then.history).toHaveLength(1)
  })

  it('chooses a task of the charter, and says how it ended', async () => {
    expect((await consent('task', 'no-such-task')).code).toBe(2)
    expect((await consent('task', 'enter-order')).out).toContain('The chosen task is enter-order.')
    expect((await consent('task', '--outcome', 'perhaps')).code).toBe(2)
    expect((await consent('task', '--outcome', 'done')).out).toContain('no recording of it waits here')
    expect((await consent('task')).out).toContain('No task is chosen.')
  })

  it('gives a receipt that verifies offline, and no other does', async () => {
    expect((await consent('receipt', '1', '--out', file('receipt.jwt'))).code).toBe(0)
    const verified = await fairtrace('verify', 'receipt', file('receipt.jwt'), '--charter', file('charter.yaml'))
    expect(verified).toMatchObject({ code: 0 })
    expect(verified.out).toContain('word for word')
    expect((await fairtrace('verify', file('receipt.jwt'), '--charter', file('charter.yaml'))).code).toBe(0)
    const [head, payload = '', signature] = readFileSync(file('receipt.jwt'), 'utf8').trim().split('.')
    const said = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const more = Buffer.from(JSON.stringify({ ...said, categories: ['pointer', 'keyboard'] })).toString('base64url')
    writeFileSync(file('forged.jwt'), `${head}.${more}.${signature}`)
    const forged = await fairtrace('verify', 'receipt', file('forged.jwt'), '--charter', file('charter.yaml'))
    expect(forged.code).toBe(4)
    expect(forged.err).toContain('SIGNATURE_INVALID')
  })

  it('lists who opened what, verified in the ledger, and refuses a list that says anything else', async () => {
    expect((await consent('accesses')).out).toContain('Nobody opened anything of yours.')
    const vault = openDatabase(ground.databaseUrl('vault'), 2)
    const grant = aGrantDetail()
    const detail = { opening: 'o1', grant, approvers: ['Dana Weiss', 'Robin Okafor'], slices: [], contentKeys: 1 }
    const logged = await appendToLedger(vault, 'grant.opened', detail, { waitForCheckpoint: true })
    const { rows } = await ground.sql.query('select pseudonym from consent.people')
    await noteAccess(vault, { ...logged, type: 'grant.opened', detail, pseudonyms: [rows[0].pseudonym] })
    await vault.close()
    const { code, out } = await consent('accesses', '--out', file('proofs'))
    expect(code).toBe(0)
    expect(out).toContain(
      'Rita Researcher, for dpv:ResearchAndDevelopment for the release first: “Because.” Approved by Dana Weiss',
    )
    const proof = join(file('proofs'), `access-${logged.index}.tlog-proof`)
    const verified = await fairtrace('verify', proof, '--charter', file('charter.yaml'))
    expect(verified).toMatchObject({ code: 0 })
    expect(verified.out).toContain('The entry commits to exactly this: grant.opened')
    await ground.sql.query(
      `update vault.access_details set detail = jsonb_set(detail, '{grant,requester,name}', '"Nobody"')`,
    )
    const lied = await consent('accesses')
    expect(lied.code).toBe(4)
    expect(lied.err).toContain('LEDGER_INVALID')
  })

  it('withdraws with one command, and the receipt says so', async () => {
    const { code, out } = await consent('withdraw')
    expect(code).toBe(0)
    expect(out).toContain('destroyed within a minute')
    expect((await consent('show')).out).toContain('You withdrew')
    await consent('receipt', '--out', file('withdrawn.jwt'))
    const verified = await fairtrace('verify', 'receipt', file('withdrawn.jwt'), '--charter', file('charter.yaml'))
    expect(verified.out).toContain('consent withdrawn to notice 1')
  })
})

/** As the vault commits to it, of a grant that was approved. */
function aGrantDetail() {
  return {
    id: 'A'.repeat(22),
    programme: 'test-programme',
    epoch: 0,
    charter: 'A'.repeat(43),
    requester: { name: 'Rita Researcher', group: 'agent-training' },
    purpose: 'dpv:ResearchAndDevelopment',
    reason: 'Because.',
    scope: { kind: 'recordings', releaseName: 'first' },
    recipientKey: 'A'.repeat(43),
    requestedAtMs: 1,
    approveByMs: 2,
    lengthMs: 3,
  }
}

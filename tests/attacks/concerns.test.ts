/** Attacks on concerns: counting twice, forging, taking others' support away, finding out who supports what. */
import { readFileSync, writeFileSync } from 'node:fs'
import { CONCERN_USES, concernRound, isCommitmentTo, ledgerEntrySchema } from '@fairtrace/core'
import { ConcernKeys } from '@fairtrace/server/concerns/concern-keys'
import { TEST_SEEDS } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Answer,
  DAY_MS,
  dumpAll,
  OWNER,
  type PortalGround,
  startPortalGround,
  startProgramme,
} from '../portal-ground.ts'
import { anotherDeviceOf, type ConcernPerson, joinAsConcernPerson, keptToken, type Seen } from './concern-people.ts'

const REPRESENTATIVE = { name: 'Robin Okafor', role: 'worker-representative', password: 'representative' } as const
/** As in the test charter: k is 5. */
const REVIEW = 3
const PAUSE = 6
const FORCED = ['concern.review', 'concern.pause']

interface Listed {
  readonly concern: string
  readonly slot: number
  readonly state: string
  readonly supporters: number | null
  readonly reviewDueAtMs: number | null
  readonly isOverdue: boolean
  readonly hasPaused: boolean
  readonly answer: string | null
  readonly logged: { type: string; index: number; salt: string; detail: unknown }[]
}

describe('concerns', () => {
  let ground: PortalGround
  let owner: string
  let representative: string
  /** More than the pause needs; the last one never takes part in anything. */
  let people: ConcernPerson[]
  let round: string

  const someone = (index: number): ConcernPerson => {
    const one = people[index]
    if (one === undefined) throw new Error(`there is no person ${index}`)
    return one
  }
  const post = (what: string, body: unknown, options: Record<string, unknown> = {}): Promise<Answer> =>
    ground.call(`/api/concerns${what}`, { body, ...options })
  const listed = async (concern: string): Promise<Listed> => {
    const { body } = await ground.call('/api/concerns', { token: owner })
    const found = (body.concerns as Listed[]).find((one) => one.concern === concern)
    if (found === undefined) throw new Error('the concern is not listed')
    return found
  }
  /** As an observer in the database sees it. */
  const supportersOf = async (concern: string): Promise<number> => {
    const { rows } = await ground.sql.query('select token_hash from consent.concern_supports where concern = $1', [
      concern,
    ])
    return rows.length
  }
  const syncEverybody = async () => {
    for (const { concerns } of people) await concerns.sync()
  }
  const programmeState = async () => String((await ground.call('/api/programme')).body.state)

  beforeAll(async () => {
    ground = await startPortalGround()
    const accounts = JSON.parse(readFileSync(ground.accountsFile, 'utf8'))
    writeFileSync(
      ground.accountsFile,
      JSON.stringify({ ...accounts, accounts: [...accounts.accounts, REPRESENTATIVE] }),
    )
    // The middle of a month, so that no test runs into the next round.
    const now = new Date(ground.nowMs())
    ground.moveClock(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 10, 12) - now.getTime())
    round = concernRound(ground.nowMs())
    owner = await ground.signIn(OWNER.name, OWNER.password)
    representative = await ground.signIn(REPRESENTATIVE.name, REPRESENTATIVE.password)
    await startProgramme(ground, owner)
    ground.portal.setReady(true)
    people = []
    for (let i = 0; i < PAUSE + 2; i++) people.push(await joinAsConcernPerson(ground, owner))
    await syncEverybody()
  })
  afterAll(() => ground?.stop())

  describe('tokens', () => {
    it('rest on the day on which they came, so that fetching does not point at using', async () => {
      const before = someone(0).seen.length
      await expect(someone(0).concerns.raise('Too soon.')).rejects.toMatchObject({ code: 'CONCERN_TOKENS_MISSING' })
      expect(someone(0).seen).toHaveLength(before)
      ground.moveClock(DAY_MS)
    })

    it('are given once a person and round, whoever asks from whatever device', async () => {
      const second = anotherDeviceOf(ground, someone(0).person)
      await second.concerns.sync()
      ground.moveClock(DAY_MS)
      await expect(second.concerns.raise('From my second device.')).rejects.toMatchObject({
        code: 'CONCERN_TOKENS_ISSUED',
      })
    })

    it('are given again to who lost the answer, and are the same', async () => {
      const asked = setRequestOf(someone(1))
      const again = await someone(1).person.post('/api/concerns/tokens', JSON.parse(asked.body))
      expect(again.body).toEqual(JSON.parse(asked.answer))
    })

    it('are given for no other round, and to nobody who is no participant', async () => {
      const body = JSON.parse(setRequestOf(someone(1)).body)
      const ask = (change: object, token?: string) =>
        post('/tokens', { ...body, ...change }, token === undefined ? {} : { token })
      const { session } = someone(1).person
      expect(await ask({ round: '2020-01' }, session)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
      expect(await ask({ blinded: body.blinded.slice(1) }, session)).toMatchObject({ code: 'BODY_INVALID' })
      expect(await ask({ blinded: body.blinded.map(() => '_'.repeat(342)) }, session)).toMatchObject({
        code: 'BODY_INVALID',
      })
      expect(await ask({}, owner)).toMatchObject({ code: 'ROLE_REQUIRED' })
      expect(await ask({})).toMatchObject({ code: 'SESSION_REQUIRED' })
    })
  })

  describe('one person counts once', () => {
    let concern: string
    let slot: number

    beforeAll(async () => {
      concern = await someone(0).concerns.raise('The review period is too short for people who work part-time.')
      slot = (await listed(concern)).slot
      await syncEverybody()
    })

    it('who raises supports it, and nobody else does', async () => {
      expect(await supportersOf(concern)).toBe(1)
    })

    it('also with the same token twice, at once, or spelled in another way', async () => {
      const token = keptToken(someone(1), slot + 1)
      const spelled = { ...token, nonce: respelled(token.nonce) }
      const answers = await Promise.all([token, token, spelled].map((one) => post('/join', { concern, token: one })))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
      expect(await supportersOf(concern)).toBe(2)
    })

    it('because no other token fits: of another place, of raising, or of another round', async () => {
      const others = CONCERN_USES.map((_use, place) => place).filter((place) => place !== slot + 1)
      for (const place of others) {
        const answer = await post('/join', { concern, token: keptToken(someone(2), place) })
        expect(answer).toMatchObject({ status: 403, code: 'CONCERN_TOKEN_INVALID' })
      }
      expect(await supportersOf(concern)).toBe(2)
    })

    it('and no forged one: a signature of another programme, other key, or other nonce', async () => {
      const genuine = keptToken(someone(2), slot + 1)
      const other = keptToken(someone(3), slot + 1)
      const strange = await new ConcernKeys(TEST_SEEDS.issuer).blindSign(
        'other-programme',
        round,
        // Below any modulus.
        CONCERN_USES.map(() => `AA${genuine.signature.slice(2)}`),
      )
      const forged = [
        { nonce: genuine.nonce, signature: other.signature },
        { nonce: genuine.nonce, signature: strange[slot + 1] },
        { nonce: genuine.nonce, signature: 'A'.repeat(342) },
        { nonce: other.nonce.split('').reverse().join(''), signature: genuine.signature },
      ]
      for (const token of forged) {
        expect(await post('/join', { concern, token })).toMatchObject({ code: 'CONCERN_TOKEN_INVALID' })
      }
      expect(await post('/join', { concern, token: { nonce: 'short', signature: '' } })).toMatchObject({ status: 400 })
      expect(await supportersOf(concern)).toBe(2)
    })

    it('and raises once a month; a lost answer is the same concern again', async () => {
      const token = keptToken(someone(0), 0)
      const raise = (text: string) => post('', { round, text, token })
      expect((await raise('The review period is too short for people who work part-time.')).body).toMatchObject({
        concern,
      })
      expect(await raise('Another one.')).toMatchObject({ status: 403, code: 'CONCERN_TOKEN_INVALID' })
      expect(await post('', { round: '2020-01', text: 'Old.', token })).toMatchObject({ code: 'CONCERN_TOKEN_INVALID' })
      const tooLong = { round, text: 'x'.repeat(2_001), token: keptToken(someone(2), 0) }
      expect(await post('', tooLong)).toMatchObject({ status: 400, code: 'BODY_INVALID' })
    })

    it('a support is taken back by its own token alone, and a replay takes nothing more', async () => {
      const [mine, stranger] = [keptToken(someone(1), slot + 1), keptToken(someone(2), slot + 1)]
      await post('/leave', { concern, token: stranger })
      await post('/leave', { concern, token: { ...mine, signature: stranger.signature } })
      expect(await supportersOf(concern)).toBe(2)
      const first = await post('/leave', { concern, token: mine })
      const replayed = await post('/leave', { concern, token: mine })
      expect(replayed).toMatchObject({ status: 200, body: first.body })
      expect(await supportersOf(concern)).toBe(1)
    })
  })

  describe('nobody on the server’s side can tell who', () => {
    it('because asking for tokens looks the same, whatever a person does with them later', () => {
      const shape = (one: ConcernPerson) =>
        one.seen
          .filter(({ headers }) => headers.authorization !== undefined)
          .filter(({ path }) => path.endsWith('/tokens'))
          .map(({ method, path, headers, body, answer }) => ({
            method,
            path,
            headers: Object.keys(headers).sort(),
            fields: Object.keys(JSON.parse(body)),
            bytes: body.length,
            answerBytes: answer.length,
          }))
      // Who raised, who joined and left, who did nothing.
      expect(shape(someone(0))).toHaveLength(1)
      expect(shape(someone(1))).toEqual(shape(someone(0)))
      expect(shape(someone(PAUSE + 1))).toEqual(shape(someone(0)))
    })

    it('because a token that comes back fits what every person was given, equally well', async () => {
      const [concern] = await someone(0).concerns.list()
      const place = (concern?.slot ?? 0) + 1
      const modulus = await modulusOf(place)
      const token = keptToken(someone(0), place)
      const signature = numberOf(token.signature)
      const message = power(signature, 65_537n, modulus)
      for (const one of people) {
        const { body, answer } = setRequestOf(one)
        const blinded = numberOf(JSON.parse(body).blinded[place])
        const blindSignature = numberOf(JSON.parse(answer).signatures[place])
        // The blinding that would turn this person's request into this very token exists, for each of them exactly one.
        const blinding = (blindSignature * inverseOf(signature, modulus)) % modulus
        expect((message * power(blinding, 65_537n, modulus)) % modulus).toBe(blinded)
      }
    })

    it('because using a token carries no session, and a request that does is refused uncounted', async () => {
      const used = people.flatMap(({ seen }) => seen).filter(({ path }) => /concerns(?:\/join|\/leave)?$/.test(path))
      const unnamed = used.filter(({ method }) => method === 'POST')
      expect(unnamed.length).toBeGreaterThan(0)
      for (const { headers } of unnamed) expect(Object.keys(headers)).toEqual(['content-type'])
      const [concern] = await someone(3).concerns.list()
      const place = (concern?.slot ?? 0) + 1
      const body = { concern: concern?.concern, token: keptToken(someone(3), place) }
      const before = await supportersOf(body.concern ?? '')
      const { session } = someone(3).person
      for (const headers of [{ authorization: `Bearer ${session}` }, { cookie: 'anything=1' }]) {
        for (const what of ['/join', '/leave']) {
          expect(await post(what, body, { headers })).toMatchObject({ code: 'CONCERN_NOT_ANONYMOUS' })
        }
      }
      expect(await supportersOf(body.concern ?? '')).toBe(before)
    })

    it('because nothing that was used stands where a person stands, and no time does', async () => {
      const { rows: supports } = await ground.sql.query('select * from consent.concern_supports')
      expect(Object.keys(supports[0])).toEqual(['concern', 'token_hash'])
      const { rows: sets } = await ground.sql.query('select * from consent.concern_token_sets')
      expect(Object.keys(sets[0])).toEqual(['pseudonym', 'round', 'blinded_hash'])
      const { rows: times } = await ground.sql.query(
        `select column_name, data_type from information_schema.columns where table_schema = 'consent'
         and table_name like 'concern%' and (data_type like '%time%' or data_type = 'date')`,
      )
      expect(times).toEqual([{ column_name: 'raised_on', data_type: 'date' }])
      const everything = await dumpAll(ground.sql)
      const used = keptToken(someone(0), 0)
      expect(everything).not.toContain(used.nonce)
      expect(everything).not.toContain(used.signature)
      expect(ground.logged.join('')).not.toMatch(/127\.0\.0\.1|concerns/)
    })

    it('because a device refuses keys that were made for it alone', async () => {
      const odd = anotherDeviceOf(ground, someone(PAUSE + 1).person, (path, answer) =>
        path.endsWith('/keys') ? answer.replace(/\.[\w-]{10}/, '.AAAAAAAAAA') : answer,
      )
      await expect(odd.concerns.sync()).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
      // Signed, but not what it was told before: two lists for one round.
      const { rounds, concerns } = someone(PAUSE).kept.get('concerns') as {
        rounds: { keys: string }[]
        concerns: unknown
      }
      const honest = someone(PAUSE).kept.get('concerns')
      someone(PAUSE).kept.set('concerns', { rounds: rounds.map((one) => ({ ...one, keys: 'other' })), concerns })
      await expect(someone(PAUSE).concerns.sync()).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
      someone(PAUSE).kept.set('concerns', honest)
      const digests = new Set(
        await Promise.all(people.map(async (one) => (await one.concerns.keyDigests()).get(round))),
      )
      expect(digests.size).toBe(1)
    })
  })

  describe('thresholds', () => {
    let concern: string

    beforeAll(async () => {
      concern = await someone(1).concerns.raise('Nobody has told us <b>who</b> reads the log.')
      await syncEverybody()
    })

    it('force a review with a deadline, which stands in the ledger', async () => {
      expect(await listed(concern)).toMatchObject({ state: 'open', reviewDueAtMs: null, supporters: null })
      await someone(2).concerns.join(concern)
      await someone(3).concerns.join(concern)
      const review = await eventually(concern, ({ logged }) => logged.length === 1)
      expect(review).toMatchObject({ state: 'in-review', isOverdue: false, supporters: null })
      const [entry] = review.logged
      const { rows } = await ground.sql.query('select entry from ledger.entries where idx = $1', [entry?.index])
      const logged = ledgerEntrySchema.parse(JSON.parse(rows[0].entry))
      expect(logged.type).toBe('concern.review')
      expect(isCommitmentTo(logged, entry?.detail, Buffer.from(entry?.salt ?? '', 'base64url'))).toBe(true)
      // To the day: the very instant would be that of somebody's support.
      expect(review.reviewDueAtMs).toBe(Math.ceil(ground.nowMs() / DAY_MS) * DAY_MS + 7 * DAY_MS)
      expect(await programmeState()).toBe('running')
    })

    it('hide the number below k, and show it in steps of k from there', async () => {
      await someone(4).concerns.join(concern)
      expect(await listed(concern)).toMatchObject({ supporters: null })
      await someone(5).concerns.join(concern)
      expect(await listed(concern)).toMatchObject({ supporters: 5 })
      expect(REVIEW).toBeLessThan(5)
    })

    it('pause the programme exactly once, though two cross at the same time', async () => {
      await Promise.all([someone(0).concerns.join(concern), someone(PAUSE).concerns.join(concern)])
      expect(await programmeState()).toBe('paused')
      const paused = await eventually(concern, ({ logged }) => logged.length === 2)
      expect(paused).toMatchObject({ hasPaused: true, supporters: 5 })
      expect(await logTypes()).toEqual(FORCED)
    })

    it('pause also what a crash came between, without anybody asking', async () => {
      const late = [
        'C'.repeat(22),
        round,
        15,
        'D'.repeat(43),
        `${round}-11`,
        'A portal died here.',
        'in-review',
        1,
        'due',
      ]
      await ground.sql.query(
        `insert into consent.concerns (id, round, slot, raise_token_hash, raised_on, text, state, review_due_at_ms, pause)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        late,
      )
      await ground.sql.query(`update install.programme set state = 'running'`)
      for (let tries = 0; tries < 100 && (await programmeState()) === 'running'; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(await programmeState()).toBe('paused')
      await eventually('C'.repeat(22), ({ logged }) => logged.length === 2)
      await ground.sql.query('delete from consent.concerns where id = $1', ['C'.repeat(22)])
    })

    it('are not undone by a late leave', async () => {
      for (const one of people.slice(2, 6)) await one.concerns.leave(concern)
      expect(await programmeState()).toBe('paused')
      expect(await listed(concern)).toMatchObject({ state: 'in-review', hasPaused: true, supporters: null })
    })

    it('do not pause again what people who answer for it have let go on', async () => {
      await ground.sql.query(`update install.programme set state = 'running'`)
      for (const one of people.slice(2, 6)) await one.concerns.join(concern)
      expect(await programmeState()).toBe('running')
      expect(await logTypes()).toEqual([...FORCED, ...FORCED])
    })

    it('show a review that is overdue, until the worker representatives answer for all to read', async () => {
      ground.moveClock(9 * DAY_MS)
      expect(await listed(concern)).toMatchObject({ isOverdue: true })
      const answer = (token?: string) =>
        post(`/${concern}/answer`, { text: 'The log is open to everybody.' }, token === undefined ? {} : { token })
      expect(await answer()).toMatchObject({ code: 'SESSION_REQUIRED' })
      expect(await answer(owner)).toMatchObject({ code: 'ROLE_REQUIRED' })
      expect(await answer(someone(2).person.session)).toMatchObject({ code: 'ROLE_REQUIRED' })
      expect(await answer(representative)).toMatchObject({ status: 200 })
      expect(await listed(concern)).toMatchObject({
        state: 'answered',
        isOverdue: false,
        answer: 'The log is open to everybody.',
      })
    })

    async function eventually(id: string, isSo: (one: Listed) => boolean): Promise<Listed> {
      for (let tries = 0; tries < 100; tries++) {
        const found = await listed(id)
        if (isSo(found)) return found
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error('it did not come about')
    }
  })

  describe('whoever finds a concern inconvenient', () => {
    it('can’t delete or change it, by the API or as the portal’s own database role', async () => {
      const [concern] = await someone(1).concerns.list()
      for (const method of ['DELETE', 'PUT', 'PATCH']) {
        const answer = await ground.call(`/api/concerns/${concern?.concern}`, { token: owner, method, body: {} })
        expect(answer).toMatchObject({ status: 404 })
      }
      const asPortal = await ground.sql.connect()
      await asPortal.query('set role fairtrace_portal')
      for (const statement of ['delete from consent.concerns', `update consent.concerns set text = 'All is well.'`]) {
        await expect(asPortal.query(statement)).rejects.toThrow(/permission denied/)
      }
      await asPortal.query('reset role')
      asPortal.release()
    })

    it('reads it as text, and only inside', async () => {
      expect(await ground.call('/api/concerns')).toMatchObject({ code: 'SESSION_REQUIRED' })
      const { body } = await ground.call('/concerns', { token: owner })
      expect(String(body.text)).toContain('Nobody has told us &lt;b&gt;who&lt;/b&gt; reads the log.')
      expect(String(body.text)).not.toContain('textarea')
      const theirs = await ground.call('/concerns', { token: representative })
      expect(String(theirs.body.text)).toContain('textarea')
    })
  })

  async function logTypes(): Promise<readonly string[]> {
    const { rows } = await ground.sql.query('select entry from ledger.entries order by idx')
    const types = rows.map(({ entry }) => String(JSON.parse(entry).type))
    return types.filter((type) => type === 'concern.review' || type === 'concern.pause')
  }

  async function modulusOf(place: number): Promise<bigint> {
    const { keys } = await new ConcernKeys(TEST_SEEDS.issuer).publicKeys('test-programme', round)
    return numberOf(keys[place] ?? '')
  }
})

function setRequestOf({ seen }: ConcernPerson): Seen {
  const found = seen.find(({ path }) => path === '/api/concerns/tokens')
  if (found === undefined) throw new Error('this person has asked for no tokens')
  return found
}

/** The last character of 32 bytes in base64url has two bits that say nothing. */
function respelled(nonce: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return nonce.slice(0, -1) + (alphabet[alphabet.indexOf(nonce.at(-1) ?? '') + 1] ?? '')
}

function numberOf(text: string): bigint {
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

function inverseOf(value: bigint, modulus: bigint): bigint {
  let [r, nextR] = [modulus, value % modulus]
  let [t, nextT] = [0n, 1n]
  while (nextR !== 0n) {
    const quotient = r / nextR
    ;[r, nextR] = [nextR, r - quotient * nextR]
    ;[t, nextT] = [nextT, t - quotient * nextT]
  }
  return ((t % modulus) + modulus) % modulus
}

/** A portal with people, a device, a release and a decision each way: something to look at. */
import { readFileSync, writeFileSync } from 'node:fs'
import { DAY_MS, OWNER, Person, type PortalGround, startPortalGround, startProgramme } from '../portal-ground.ts'

export const PARTICIPANT = { name: 'Paula Participant', role: 'participant', password: 'participant-password' } as const

export const REPRESENTATIVE = {
  name: 'Robin Okafor',
  role: 'worker-representative',
  password: 'representative-password',
} as const

export async function startDemoPortal(): Promise<PortalGround> {
  const ground = await startPortalGround()
  const owner = await ground.signIn(OWNER.name, OWNER.password)
  await startProgramme(ground, owner)
  const people = await Promise.all(Array.from({ length: 6 }, () => Person.join(ground, owner)))
  ground.moveClock(14 * DAY_MS)
  for (const person of people) await person.consent()
  const [paula] = people
  await paula?.enrol()
  const file = JSON.parse(readFileSync(ground.accountsFile, 'utf8')) as { accounts: object[] }
  file.accounts.push({ ...PARTICIPANT, session: paula?.session }, REPRESENTATIVE)
  writeFileSync(ground.accountsFile, JSON.stringify(file))
  const manifest = {
    v: 1,
    programme: 'test-programme',
    name: 'orders-1',
    charter: 'C'.repeat(43),
    charterVersion: 1,
    shield: '1',
    builder: 'fairtrace-builder/1',
    parameters: { k: 5 },
    counts: { participants: 25, episodes: 1_240, actions: 14_880 },
    shards: [{ path: 'data/train.parquet', bytes: 1_234_567, sha256: 'a'.repeat(64), rows: 1_240 }],
    previous: [],
  }
  await ground.sql.query('insert into release.releases values ($1, $2, $3, $4, $5, $6)', [
    'R'.repeat(43),
    'orders-1',
    'releases/orders-1',
    ground.nowMs(),
    JSON.stringify(manifest),
    3,
  ])
  await raiseConcerns(ground)
  ground.portal.setReady(true)
  return ground
}

/** One that is answered, and one whose answer is overdue. */
async function raiseConcerns({ sql, nowMs }: PortalGround): Promise<void> {
  const insert = `insert into consent.concerns (id, round, slot, raise_token_hash, raised_on, text, state, review_due_at_ms, answer)
    values ($1, $2, $3, $1, $4, $5, $6, $7, $8)`
  const round = new Date(nowMs()).toISOString().slice(0, 7)
  const day = `${round}-01`
  const answered = ['A'.repeat(22), round, 0, day, 'Nobody told us who reads the log.', 'answered', null]
  await sql.query(insert, [...answered, 'The log is open to everybody. You find it under “Ledger”.'])
  const late = [
    'B'.repeat(22),
    round,
    1,
    day,
    'The review is too short for part-time work.',
    'in-review',
    nowMs() - DAY_MS,
  ]
  await sql.query(insert, [...late, null])
  const support = 'insert into consent.concern_supports select $1, $1 || i from generate_series(1, 7) i'
  await sql.query(support, ['B'.repeat(22)])
}

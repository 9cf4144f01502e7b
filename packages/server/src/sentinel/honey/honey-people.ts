/**
 * Which of these people are honey? Whoever counts people or makes a release asks, so that honey is left out of every `k`, total
 * and release; only the scanner can say.
 *
 * The question lies in a table that the asker and the scanner see. The answer is one bit a pseudonym, signed by the scanner and
 * sealed to a key of this one question: its length is that of the question, whatever it says. Without an answer there is none, and
 * whoever asked shows no total and makes no release.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { ed25519PublicKey, type Signer, signJws, verifyJws } from '../../runtime/jws.ts'
import { readProgramme } from '../../runtime/programme.ts'
import type { OpenDatabase } from '../../store/database.ts'
import { generateX25519, hpkeOpen, hpkeSeal } from '../../vault/hpke.ts'

export const HONEY_QUESTIONS_CHANNEL = 'fairtrace_honey'
const ANSWER_TYP = 'ft-honey-answer+jwt'
const INFO = Buffer.from('fairtrace/honey-answer/v1')
const WAIT_MS_MAX = 10_000
const LOOK_MS = 25

const answerSchema = z.strictObject({ question: z.string(), enc: z.string(), ciphertext: z.string() })
const pseudonymsSchema = z.array(z.string()).max(1_000_000)

/**
 * Those of `pseudonyms` that are honey. Fails closed.
 * @throws `HONEY_UNKNOWN` if the scanner does not answer, or the answer isn't the scanner's that the charter names
 */
export async function honeyPseudonymsAmong(
  database: OpenDatabase,
  pseudonyms: readonly string[],
  waitMsMax = WAIT_MS_MAX,
): Promise<ReadonlySet<string>> {
  if (pseudonyms.length === 0) return new Set()
  const { pool } = database
  const id = randomBytes(16).toString('base64url')
  const reply = generateX25519()
  await pool.query('insert into scanner.honey_questions (id, reply_key, pseudonyms) values ($1, $2, $3)', [
    id,
    reply.publicKeyRaw.toString('base64url'),
    JSON.stringify(pseudonyms),
  ])
  try {
    await pool.query(`select pg_notify('${HONEY_QUESTIONS_CHANNEL}', '')`)
    const token = await answerTo(database, id, waitMsMax)
    const scanner = (await readProgramme(database, null))?.charter.keys.scanner
    if (scanner === undefined) throw new FairtraceError('HONEY_UNKNOWN', 'no charter names a scanner')
    const answer = answerSchema.parse(verifyJws(ANSWER_TYP, token, ed25519PublicKey(scanner), 'HONEY_UNKNOWN'))
    if (answer.question !== id) throw new FairtraceError('HONEY_UNKNOWN', 'the answer is to another question')
    const bits = hpkeOpen({
      ...reply,
      enc: Buffer.from(answer.enc, 'base64url'),
      info: INFO,
      aad: Buffer.from(id),
      ciphertext: Buffer.from(answer.ciphertext, 'base64url'),
    })
    return new Set(pseudonyms.filter((_, i) => ((bits[i >> 3] ?? 0) >> (i & 7)) & 1))
  } finally {
    await pool.query('delete from scanner.honey_questions where id = $1', [id])
  }
}

async function answerTo({ pool }: OpenDatabase, id: string, waitMsMax: number): Promise<string> {
  const deadline = performance.now() + waitMsMax
  for (;;) {
    const { rows } = await pool.query<{ answer: string | null }>(
      'select answer from scanner.honey_questions where id = $1',
      [id],
    )
    const answer = rows[0]?.answer
    if (answer) return answer
    if (performance.now() > deadline) throw new FairtraceError('HONEY_UNKNOWN', 'the scanner does not answer')
    await sleep(LOOK_MS)
  }
}

/** Answers what was asked and not answered. @returns how many */
export async function answerHoneyQuestions(
  { pool }: OpenDatabase,
  honey: ReadonlySet<string>,
  scanner: Signer,
): Promise<number> {
  const { rows } = await pool.query<{ id: string; reply_key: string; pseudonyms: unknown }>(
    'select id, reply_key, pseudonyms from scanner.honey_questions where answer is null order by id limit 64',
  )
  for (const { id, reply_key, pseudonyms } of rows) {
    const asked = pseudonymsSchema.safeParse(pseudonyms).data
    if (asked === undefined) {
      // Nobody of ours asks so; it must not stand in the way of the others.
      await pool.query('delete from scanner.honey_questions where id = $1', [id])
      continue
    }
    const bits = Buffer.alloc(Math.ceil(asked.length / 8))
    asked.forEach((pseudonym, i) => {
      if (honey.has(pseudonym)) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7))
    })
    const { enc, ciphertext } = hpkeSeal(Buffer.from(reply_key, 'base64url'), INFO, Buffer.from(id), bits)
    const answer = signJws(
      ANSWER_TYP,
      { question: id, enc: enc.toString('base64url'), ciphertext: ciphertext.toString('base64url') },
      scanner,
    )
    await pool.query('update scanner.honey_questions set answer = $2 where id = $1', [id, answer])
  }
  return rows.length
}

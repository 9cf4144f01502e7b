/** What the scanner says of honey participants, on a ground that runs no scanner. */
import { setTimeout as sleep } from 'node:timers/promises'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { honeyPseudonyms } from '@fairtrace/server/sentinel/honey/honey-ids'
import { answerHoneyQuestions } from '@fairtrace/server/sentinel/honey/honey-people'
import { openDatabase } from '@fairtrace/server/store/database'
import { TEST_SEEDS } from './charter.ts'

/** @param url of the scanner's database role */
export function answerHoney(url: string, honeyKey: string = TEST_HONEY_KEY): { stop(): Promise<void> } {
  const database = openDatabase(url, 1)
  const honey = honeyPseudonyms(honeyKey)
  const signer = signerFromSeed(TEST_SEEDS.scanner)
  let isStopped = false
  const done = (async () => {
    while (!isStopped) {
      // A test may stop the database under it; whoever asks then gets no answer, which is what they test.
      await answerHoneyQuestions(database, honey, signer).catch(() => undefined)
      await sleep(60)
    }
  })()
  return {
    stop: async () => {
      isStopped = true
      await done
      await database.close()
    },
  }
}

export const TEST_HONEY_KEY = Buffer.alloc(32, 7).toString('base64url')

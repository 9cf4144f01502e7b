/** The training room's process: hears a lockdown as every other point does. */
import { signerFromSeed } from '../runtime/jws.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'

/** @throws `KEY_UNAVAILABLE` without a signing seed */
export const startRoom: StartRole = async ({ databaseUrl, secrets, log }) => {
  const signer = signerFromSeed(secrets.signingSeed ?? '')
  const database = openDatabase(databaseUrl)
  const programme = await watchProgramme(database)
  const point = await startPoint({ database, role: 'room', signer, programme, log })
  return {
    address: null,
    async stop() {
      await point.stop()
      await programme.stop()
      await database.close()
    },
  }
}

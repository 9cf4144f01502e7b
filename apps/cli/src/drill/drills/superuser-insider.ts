import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Approval, type Grant, grantHash } from '@fairtrace/core'
import type { Drill } from '../drill.ts'
import { insertGrant, thievesGrant } from '../forged-grants.ts'
import type { Ground } from '../ground.ts'

/** How an action would look that nobody has encrypted. */
const READABLE = ['"kind":"click"', '"kind":"switch"', '"kind":"type"']
/** The person was there and proved it, says the thief. */
const PRESENT_AND_VERIFIED = 0x05

export const superuserInsider: Drill = {
  id: 'superuser-insider',
  async attack(ground) {
    const grant = thievesGrant(ground)
    const code = await insertGrant(ground, grant, forgedApprovals(ground, grant))
    const readable = (await readableRows(ground)) + readableSegments(ground)
    return {
      held: code === 'GRANT_INVALID' && readable === 0,
      why: `${code ?? 'no answer'}, ${readable} readable rows and objects`,
    }
  },
  without: {
    patches: [
      {
        file: 'packages/core/src/access/approval.ts',
        from: 'return verify(message, signature, passkey) === true',
        to: 'return verify !== undefined && message.length > 0 && signature.length > 0',
      },
    ],
  },
}

/** As browsers make them, of this very grant, by each approver of the charter; all but the signature. */
function forgedApprovals({ programme }: Ground, grant: Grant): readonly Approval[] {
  const { approvers, passkeys } = programme.charter
  const clientData = JSON.stringify({
    type: 'webauthn.get',
    challenge: grantHash(grant),
    origin: `https://${passkeys.rpId}`,
  })
  const flagsAndCounter = Buffer.from([PRESENT_AND_VERIFIED, 0, 0, 0, 1])
  const data = Buffer.concat([createHash('sha256').update(passkeys.rpId).digest(), flagsAndCounter])
  return approvers.map(({ name, passkey }) => ({
    approver: name,
    assertion: {
      credential: passkey?.credential ?? '',
      clientDataJSON: Buffer.from(clientData).toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: randomBytes(64).toString('base64url'),
    },
  }))
}

async function readableRows({ sql }: Ground): Promise<number> {
  let count = 0
  for (const table of ['vault.chunks', 'vault.content_keys', 'vault.segments', 'vault.quarantine', 'inbox.batches']) {
    // Bytes show as hexadecimal in a row's text, so both spellings are looked for.
    const { rows } = await sql.query(`select count(*) from ${table} t where t::text like any ($1)`, [
      READABLE.flatMap((text) => [`%${text}%`, `%${Buffer.from(text).toString('hex')}%`]),
    ])
    count += Number(rows[0]?.count)
  }
  return count
}

function readableSegments({ dir }: Ground): number {
  const root = dir.path('objects/segments')
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.filter((entry) => {
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    return READABLE.some((text) => bytes.includes(text))
  }).length
}

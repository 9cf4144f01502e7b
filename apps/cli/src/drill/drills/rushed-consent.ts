import { randomBytes } from 'node:crypto'
import { hashSecret } from '@fairtrace/server/consent/secrets'
import { z } from 'zod'
import type { Drill } from '../drill.ts'

const refusalSchema = z.object({ error: z.object({ code: z.string() }) })

export const rushedConsent: Drill = {
  id: 'rushed-consent',
  async attack({ sql, plants, run, runtime, programme }) {
    const secret = () => randomBytes(32).toString('base64url')
    const session = secret()
    const pseudonym = randomBytes(16).toString('base64url')
    // Undone from the last to the first: what refers to the person goes before them.
    for (const table of ['people', 'events', 'concern_token_sets']) {
      plants.add(run, {
        kind: 'sql',
        statement: `delete from consent.${table} where pseudonym = $1`,
        values: [pseudonym],
      })
    }
    plants.add(run, {
      kind: 'sql',
      statement: 'delete from vault.key_requests where pseudonym = $1',
      values: [pseudonym],
    })
    // As the portal writes it when somebody takes an invitation.
    await sql.query(
      'insert into consent.people (pseudonym, session_hash, invited_at_ms, notice_version) values ($1, $2, $3, $4)',
      [pseudonym, hashSecret(session), Date.now(), programme.charter.notice.version],
    )
    const { notice, capture } = programme.charter
    const response = await fetch(new URL('/api/consent', runtime.portalUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${session}` },
      body: JSON.stringify({
        noticeVersion: notice.version,
        categories: capture.categories,
        apps: capture.apps.map(({ id }) => id),
      }),
    })
    const code = refusalSchema.safeParse(await response.json()).data?.error.code ?? null
    return { held: !response.ok && code === 'REFLECTION_NOT_OVER', why: code ?? `status ${response.status}` }
  },
  without: {
    patches: [
      {
        file: 'packages/server/src/consent/decide.ts',
        from: 'const isReflected = nowMs >= joinedAtMs + notice.reflection',
        to: 'const isReflected = nowMs >= joinedAtMs - notice.reflection',
      },
    ],
  },
}

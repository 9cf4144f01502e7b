/**
 * The peer: how such a collector is usually written. Fastify, JSON bodies, one PostgreSQL row for each action, acknowledged
 * after the commit. It verifies nothing and encrypts nothing.
 */
import process from 'node:process'
import fastify from 'fastify'
import pg from 'pg'

interface Upload {
  readonly session: string
  readonly actions: readonly unknown[]
}

process.once('message', async ({ databaseUrl }: { databaseUrl: string }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 })
  const app = fastify({ logger: false })
  app.post<{ Body: Upload }>('/batches', async (request) => {
    const { session, actions } = request.body
    await pool.query({
      name: 'insert-actions',
      text: `insert into public.peer_actions (session, place, action)
        select $1, place, action from unnest($2::jsonb[]) with ordinality as t(action, place)`,
      values: [session, actions.map((action) => JSON.stringify(action))],
    })
    return { stored: actions.length }
  })
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  process.send?.({ address })
})
process.on('disconnect', () => process.exit(0))

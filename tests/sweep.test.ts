/** Sweeps over real places: PostgreSQL, S3, folders; Parquet, CSV, SQLite, JSON, compressed dumps; and what tries to break them. */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { DuckDBInstance } from '@duckdb/node-api'
import { startFauxqs } from 'fauxqs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HONEY, type SweepGround, startSweepGround } from './sweep-ground.ts'

const EVIL = `q"u'o\nte $1 %s {} \u202e`
let swept: SweepGround

beforeAll(async () => {
  swept = await startSweepGround()
})
afterAll(() => swept.stop())

describe('a sweep of a folder', () => {
  it('finds a marker in every form of file, and names each file once', async () => {
    const folder = swept.folder('files')
    writeFileSync(join(folder, 'plain.log'), `${'x'.repeat(1_500_000)} person ${HONEY.pseudonym} did it\n`)
    writeFileSync(join(folder, 'dump.sql.gz'), gzipSync(`-- dump\n${'y'.repeat(300_000)}${HONEY.device}\n`))
    writeFileSync(join(folder, 'dump.zst'), zstdCompressSync(Buffer.from(`a,b\n1,${HONEY.recording}\n`)))
    const hex = Buffer.from(HONEY.pseudonym, 'base64url').toString('hex')
    writeFileSync(join(folder, 'hex.csv'), `a,b,c\n1,2,${hex}\n`)
    writeFileSync(join(folder, 'line.json'), `{"id":"${HONEY.pseudonym}"}`)
    const sqlite = new DatabaseSync(join(folder, 'copy.sqlite'))
    sqlite.exec('create table t (a text)')
    sqlite.prepare('insert into t values (?)').run(HONEY.recording)
    sqlite.close()
    await writeParquet(join(folder, 'copy.parquet'), `select '${HONEY.pseudonym}' as p, i from range(5000) r(i)`)
    writeFileSync(join(folder, 'clean.log'), 'nobody\n')
    const { found } = await swept.sweep([{ name: 'files', at: `file://${folder}` }], 'files')
    const subjects = (found.get('files') ?? [])
      .filter(({ kind }) => kind === 'marker-seen')
      .map(({ subject }) => subject)
    expect(subjects.toSorted()).toEqual(
      ['copy.parquet', 'copy.sqlite', 'dump.sql.gz', 'dump.zst', 'hex.csv', 'line.json', 'plain.log'].map(
        (name) => `place files: ${name}`,
      ),
    )
    expect(JSON.stringify([...found])).not.toContain(HONEY.pseudonym)
  })

  it('finds a part of our ciphertext in the middle of something else, and a whole batch by its digest', async () => {
    const { sql, objectsDir } = swept.ground
    const segment = randomBytes(200_000)
    const id = 'ab'.repeat(16)
    const { segmentKey } = await import('@fairtrace/server/vault/segment')
    const path = join(objectsDir, segmentKey(id))
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, segment)
    await sql.query(
      `insert into vault.segments (id, number, bytes, sha256, chunks, live_bytes, digest, mac)
       values ($1, 1, $2, $3, 0, 0, '', '')`,
      [id, segment.length, createHash('sha256').update(segment).digest('hex')],
    )
    const folder = swept.folder('pieces')
    writeFileSync(
      join(folder, 'image.bin'),
      Buffer.concat([randomBytes(12_345), segment.subarray(70_001, 120_000), randomBytes(7)]),
    )
    writeFileSync(join(folder, 'whole.bin'), segment)
    writeFileSync(join(folder, 'other.bin'), randomBytes(200_000))
    const { found } = await swept.sweep([{ name: 'pieces', at: `file://${folder}` }], 'pieces')
    expect((found.get('pieces') ?? []).map(({ kind, subject }) => [kind, subject]).toSorted()).toEqual([
      ['copy-found', 'place pieces: image.bin'],
      ['copy-found', 'place pieces: whole.bin'],
    ])
  })

  it('skips, counts and names what can not be read, and neither crashes nor hangs', async () => {
    const folder = swept.folder('bad')
    symlinkSync(folder, join(folder, 'loop'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    writeFileSync(join(folder, 'bomb.gz'), gzipSync(gzipSync(Buffer.alloc(40_000_000))))
    await writeParquet(join(folder, 'cut.parquet'), 'select i from range(1000) r(i)')
    truncateSync(join(folder, 'cut.parquet'), 900)
    const sqlite = new DatabaseSync(join(folder, 'cut.sqlite'))
    sqlite.exec('create table t (a text); insert into t values (hex(randomblob(20000)))')
    sqlite.close()
    truncateSync(join(folder, 'cut.sqlite'), 5_000)
    writeFileSync(join(folder, 'one-line.json'), `{"a":[${'{'.repeat(4_000_000)}`)
    writeFileSync(join(folder, 'evil\u202e\nname.txt'), HONEY.pseudonym)
    mkdirSync(join(folder, 'closed'))
    chmodSync(join(folder, 'closed'), 0)
    const { found, report } = await swept.sweep([{ name: 'bad', at: `file://${folder}` }], 'bad')
    const { skipped, state, named } = report('bad')
    expect(state).toBe('complete')
    expect(skipped).toMatchObject({ link: 1, 'not-a-file': 1, undecodable: expect.any(Number) })
    expect(named.join('\n')).toContain('undecodable: cut.parquet')
    expect(found.get('bad')?.map(({ subject }) => subject)).toEqual([
      expect.stringMatching(/^place bad: evil��name\.txt #/),
    ])
  })

  it('reads again only what changed', async () => {
    const folder = swept.folder('again')
    for (let i = 0; i < 50; i++) writeFileSync(join(folder, `${i}.txt`), `number ${i}`)
    const places = [{ name: 'again', at: `file://${folder}` }]
    await swept.sweep(places, 'again')
    writeFileSync(join(folder, '7.txt'), `now ${HONEY.device}`)
    const { found, report } = await swept.sweep(places, 'again')
    expect(report('again')).toMatchObject({ items: 50, unchanged: 49 })
    expect(found.get('again')).toHaveLength(1)
    writeFileSync(join(folder, '7.txt'), 'clean')
    expect((await swept.sweep(places, 'again')).found.get('again')).toEqual([])
  })
})

describe('a sweep of a database', () => {
  it('finds a copied table by its columns, by its types where they were renamed, and markers in rows', async () => {
    const { url, reader } = await otherDatabase('warehouse', async (sql) => {
      await sql.query('create schema evil; create table evil."copy; drop table x" (id int, t text)')
      await sql.query(`insert into evil."copy; drop table x" select i, 'row ' || i from generate_series(1, 3000) i`)
      await sql.query(`insert into evil."copy; drop table x" values (0, $1)`, [`who: ${HONEY.pseudonym}`])
      const evil = pg.escapeIdentifier(EVIL)
      await sql.query(`create table evil.${evil} (t text)`)
      await sql.query(`insert into evil.${evil} values ('${HONEY.device}')`)
      await sql.query(`create table part (batch_id text, content_key_id text, consent_version int, at_offset bigint)`)
      await sql.query(`create table renamed (a text, b text, c bigint, d int, e text, f text, g text, h bigint, i text, j int,
        k boolean, l text, m text, n text, o int, p int)`)
      await sql.query('create table orders (id int, name text, state text, total numeric, created_at timestamptz)')
      await sql.query(`create table huge (t text); insert into huge select repeat('x', 50000000)`)
      await sql.query('create view seen as select pg_sleep(60)::text')
      await sql.query('create table kept (secret text)')
    })
    swept.access.warehouse = reader
    const { found, report } = await swept.sweep([{ name: 'warehouse', at: url }], 'warehouse')
    const seen = (found.get('warehouse') ?? []).map(({ kind, subject }) => [kind, subject]).toSorted()
    expect(seen).toEqual([
      ['copy-found', 'place warehouse: public.part'],
      ['copy-found', 'place warehouse: public.renamed'],
      ['marker-seen', 'place warehouse: evil."copy; drop table x"'],
      ['marker-seen', expect.stringMatching(/^place warehouse: evil\."q""u'o�te \$1 %s \{\} �" #/)],
    ])
    expect(report('warehouse').skipped).toMatchObject({ 'no-right': 1, 'not-a-table': 1, 'row-too-large': 1 })
    // No row is written when a column gets another name.
    await inside(
      'warehouse',
      'alter table orders rename column name to batch_id; alter table orders rename state to content_key_id',
    )
    await inside(
      'warehouse',
      'alter table orders rename total to consent_version; alter table orders rename created_at to at_offset',
    )
    const again = await swept.sweep([{ name: 'warehouse', at: url }], 'warehouse')
    expect(again.found.get('warehouse')?.map(({ subject }) => subject)).toContain('place warehouse: public.orders')
  })

  it('finds a copy made inside of our own database, and one in another database of the server', async () => {
    const { sql } = swept.ground
    await sql.query('create table public.backup as select * from vault.chunks')
    const { found } = await swept.sweep([], 'own-database')
    expect(found.get('own-database')).toMatchObject([
      { kind: 'copy-found', subject: 'place own-database: public.backup', detail: { like: 'vault.chunks' } },
    ])
    await sql.query('drop table public.backup')
    expect((await swept.sweep([], 'own-database')).found.get('own-database')).toEqual([])
  })

  it('says that a place can not be reached', async () => {
    const { report } = await swept.sweep([{ name: 'away', at: 'postgresql://127.0.0.1:1/nothing' }], 'away')
    expect(report('away')).toMatchObject({ state: 'unreachable', items: 0 })
  })

  async function inside(name: string, text: string): Promise<void> {
    const place = new URL(swept.ground.database.superuserUrl)
    place.pathname = `/${name}`
    const sql = new pg.Client({ connectionString: place.href })
    await sql.connect()
    await sql.query(text)
    await sql.end()
  }

  async function otherDatabase(name: string, fill: (sql: pg.Client) => Promise<void>) {
    await swept.ground.sql.query(`create database ${name}`)
    await swept.ground.sql.query(`create role sweep_reader login password 'reader'`)
    const place = new URL(swept.ground.database.superuserUrl)
    place.pathname = `/${name}`
    const sql = new pg.Client({ connectionString: place.href })
    await sql.connect()
    await fill(sql)
    await sql.query('grant select on all tables in schema public to sweep_reader; revoke all on kept from sweep_reader')
    await sql.query(
      'grant usage on schema evil to sweep_reader; grant select on all tables in schema evil to sweep_reader',
    )
    await sql.end()
    return { url: `postgresql://${place.host}/${name}`, reader: { user: 'sweep_reader', password: 'reader' } }
  }
})

describe('a sweep of a bucket', () => {
  it('finds a marker in an object, and reads objects again only if they changed', async () => {
    const server = await startFauxqs({ port: 0, logger: false })
    try {
      const endpoint = `http://127.0.0.1:${server.port}`
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
      const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1', credentials })
      await client.send(new CreateBucketCommand({ Bucket: 'exports' }))
      const put = (Key: string, Body: Buffer) => client.send(new PutObjectCommand({ Bucket: 'exports', Key, Body }))
      await put('a/clean.csv', Buffer.from('a,b,c\n1,2,3\n'))
      await put('a/dump.gz', gzipSync(`{"pseudonym":"${HONEY.pseudonym}"}`))
      swept.access.exports = { ...credentials, region: 'us-east-1', endpoint }
      const places = [{ name: 'exports', at: 's3://exports/a' }]
      const { found } = await swept.sweep(places, 'exports')
      expect(found.get('exports')).toMatchObject([{ kind: 'marker-seen', subject: 'place exports: a/dump.gz' }])
      expect((await swept.sweep(places, 'exports')).report('exports')).toMatchObject({ items: 2, unchanged: 2 })
      client.destroy()
    } finally {
      await server.stop()
    }
  })
})

async function writeParquet(path: string, select: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`copy (${select}) to '${path}' (format parquet)`)
  connection.closeSync()
  instance.closeSync()
}

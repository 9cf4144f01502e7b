/**
 * Somebody lets a reader into a bucket that the charter names. What holds rights here is a stand-in made from the published API (the S3
 * server of the other tests knows no policies and no access lists); that server shows what becomes of a store that answers otherwise.
 */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { BucketSurface } from '@fairtrace/server/sentinel/surfaces/buckets'
import { startFauxqs } from 'fauxqs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BucketRightsServer, startBucketRightsServer } from '../../testing/src/store/bucket-rights-server.ts'

const ALL = 'http://acs.amazonaws.com/groups/global/AllUsers'
const SIGNED_IN = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers'
const ACCOUNT = '111122223333'
const PLACES = [
  { name: 'exports', at: 's3://exports/a' },
  { name: 'shelf', at: 'file:///srv/shelf' },
]
const KEY = { accessKeyId: 'watch', secretAccessKey: 'watch', region: 'us-east-1' } as const

function policy(statement: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] })
}

describe('an insider who may change rights on a bucket', () => {
  let server: BucketRightsServer
  let surface: BucketSurface
  beforeEach(async () => {
    server = await startBucketRightsServer()
    surface = new BucketSurface({ exports: { ...KEY, endpoint: server.endpoint, account: ACCOUNT } })
  })
  afterEach(() => server.stop())

  it('finds nobody but the owner in a bucket that nobody touched, and reads no object', async () => {
    server.rights.policy = policy({ Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 's3:*', Resource: '*' })
    server.rights.objects = { 'a/dump': [] }
    const { findings, readers } = await surface.look(PLACES)
    expect(findings).toEqual([])
    expect(new Set(readers.map(({ who }) => who))).toEqual(new Set([`owner ${server.owner}`, `owner ${ACCOUNT}`]))
    expect(server.asked).not.toContain('object-list')
  })

  it.each([
    ['anybody by the access list', { grants: [{ uri: ALL, right: 'READ' }] }, 'anybody'],
    [
      'everybody with an account anywhere',
      { grants: [{ uri: SIGNED_IN, right: 'READ_ACP' }] },
      'anybody with an account at the store',
    ],
    ['another account', { grants: [{ id: 'b'.repeat(64), right: 'FULL_CONTROL' }] }, `account ${'b'.repeat(64)}`],
    ['anybody by the policy', { policy: policy({ Principal: '*', Action: 's3:GetObject' }) }, 'anybody'],
    ['anybody as a list', { policy: policy({ Principal: { AWS: ['*'] }, Action: ['s3:GetObject'] }) }, 'anybody'],
    [
      'anybody under a condition',
      { policy: policy({ Principal: '*', Action: 's3:Get*', Condition: { IpAddress: {} } }) },
      'anybody',
    ],
    [
      'all but one',
      { policy: policy({ NotPrincipal: { AWS: ACCOUNT }, Action: 's3:*' }) },
      'anybody but those whom the policy names',
    ],
    [
      'another account by the policy',
      { policy: policy({ Principal: { AWS: 'arn:aws:iam::999999999999:root' }, NotAction: 's3:PutObject' }) },
      '"AWS" "arn:aws:iam::999999999999:root"',
    ],
    [
      'a role of the same account',
      { policy: policy({ Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/report` }, Action: 's3:*' }) },
      `"AWS" "arn:aws:iam::${ACCOUNT}:role/report"`,
    ],
    [
      'a service',
      { policy: policy({ Principal: { Service: 'logs.example' }, Action: 's3:*' }) },
      '"Service" "logs.example"',
    ],
    [
      'the public, as the store itself judges',
      { policy: JSON.stringify({ Statement: [] }), isPublic: true },
      'anybody',
    ],
    ['whoever opens a web site', { isSite: true }, 'anybody'],
    ['anybody into one object', { objects: { 'a/dump': [{ uri: ALL, right: 'READ' }] } }, 'anybody'],
  ] as const)('lets in %s, and is found at the next look; and found gone after', async (_who, change, who) => {
    expect((await surface.look(PLACES)).findings).toEqual([])
    const before = { ...server.rights }
    Object.assign(server.rights, change)
    const { findings, readers, declared } = await surface.look(PLACES)
    expect(findings).toMatchObject([{ kind: 'reader-unexpected', subject: 'bucket exports', detail: { who } }])
    expect(readers.some((reader) => reader.who === who)).toBe(true)
    expect(declared.some((reader) => reader.who === who)).toBe(false)
    Object.assign(server.rights, before)
    expect((await surface.look(PLACES)).findings).toEqual([])
  })

  it.each([
    ['takes the block on public access away', null],
    ['turns a part of it off', { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: false }],
  ])('%s, and is found', async (_what, block) => {
    server.rights.block = block
    expect((await surface.look(PLACES)).findings).toMatchObject([{ kind: 'guard-changed', subject: 'bucket exports' }])
  })

  it('opens one of many objects, and is found when their turn comes, and at every look from then on', async () => {
    const name = (i: number) => `a/${String(i).padStart(3, '0')}`
    const clean = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [name(i), []]))
    server.rights.objects = { ...clean, [name(55)]: [{ uri: ALL, right: 'READ' }] }
    const found: number[] = []
    for (let look = 0; look < 6; look++) found.push((await surface.look(PLACES)).findings.length)
    expect(found).toEqual([0, 0, 1, 1, 1, 1])
  })

  it.each(['acl', 'policy', 'policyStatus', 'publicAccessBlock', 'website', 'list'])(
    'takes the right to ask for %s away: named at the second look, and what was found stays found',
    async (what) => {
      server.rights.grants = [{ uri: ALL, right: 'READ' }]
      await surface.look(PLACES)
      server.rights.refuses = { [what]: 'AccessDenied' }
      expect((await surface.look(PLACES)).findings.map(({ kind }) => kind)).toEqual(['reader-unexpected'])
      const { findings, notShown } = await surface.look(PLACES)
      expect(findings).toMatchObject([
        { kind: 'reader-unexpected' },
        {
          kind: 'guard-changed',
          subject: 'bucket exports',
          detail: { unread: expect.stringContaining('AccessDenied') },
        },
      ])
      expect(notShown.some((sentence) => sentence.startsWith('bucket exports could not be read'))).toBe(true)
    },
  )

  it('writes a policy that nobody can read: a finding, and no reader made up', async () => {
    server.rights.policy = '{"Statement":[{"Effect":"Perhaps"}]}'
    await surface.look(PLACES)
    expect((await surface.look(PLACES)).findings).toMatchObject([{ detail: { unread: 'policy: another answer' } }])
  })

  it('names a bucket for which the sentinel has no credential: a finding at once', async () => {
    const { findings } = await surface.look([{ name: 'other', at: 's3://other' }])
    expect(findings).toMatchObject([{ kind: 'guard-changed', subject: 'bucket other' }])
    expect((await new BucketSurface({}).look([])).findings).toEqual([])
  })

  it('goes by what a store says that it does not have, where access lists are there all the same', async () => {
    server.rights.refuses = {
      publicAccessBlock: 'NotImplemented',
      website: 'NotImplemented',
      policyStatus: 'NotImplemented',
    }
    const { findings, notShown } = await surface.look(PLACES)
    expect(findings).toEqual([])
    expect(notShown).toContain('The store of a bucket here knows no block on public access.')
  })
})

describe('a store that answers something else than it was asked', () => {
  it('is one whose readers nobody knows', async () => {
    const server = await startFauxqs({ port: 0, logger: false })
    const endpoint = `http://127.0.0.1:${server.port}`
    const client = new S3Client({ ...{ endpoint, forcePathStyle: true, region: 'us-east-1' }, credentials: KEY })
    try {
      await client.send(new CreateBucketCommand({ Bucket: 'exports' }))
      const surface = new BucketSurface({ exports: { ...KEY, endpoint } })
      await surface.look(PLACES)
      expect((await surface.look(PLACES)).findings).toMatchObject([
        { kind: 'guard-changed', subject: 'bucket exports' },
      ])
    } finally {
      client.destroy()
      await server.stop()
    }
  })
})

/**
 * Who can read the buckets that the charter names as places where copies could be: access lists, bucket policy, the block on public
 * access, hosting as a web site, and the access lists of the objects, some at each look, until it was round.
 *
 * Nobody but the bucket's owner is declared. Asked with a credential of the sentinel's own, which may ask who has rights and read no
 * object. What the store doesn't answer, or answers in another way, is a finding: twice in a row, as for every surface.
 */
import type { GetBucketAclOutput, Grant, S3Client } from '@aws-sdk/client-s3'
import { printableName, type Reader } from '@fairtrace/core'
import { z } from 'zod'
import type { Finding } from '../../runtime/findings.ts'
import { type PlaceAccess, placeOf, type WatchAccess } from '../sweep/places.ts'
import { policyReaders } from './bucket-policy.ts'
import type { Observation } from './observation.ts'

/** Objects of a bucket whose access list is asked for in one look; the next look goes on behind them. */
const OBJECTS = 20
const CALL_MS_MAX = 4_000
const BUCKETS_AT_ONCE = 8
const FAILURES_MAX = 2
/** Objects that were open at the last look and are asked about again; more are found anew as the looks come round. */
const OPEN_MAX = 100

interface Seen {
  readonly declared: readonly Reader[]
  readonly readers: readonly Reader[]
  readonly findings: readonly Finding[]
  readonly notShown: readonly string[]
}

/** What is remembered of one bucket between looks. */
interface Memory {
  failures: number
  last: Seen
  /** Name of the last object that was asked about; undefined at the beginning of a round. */
  after: string | undefined
  open: readonly string[]
}

interface NamedPlace {
  readonly name: string
  readonly at: string
}

const NOTHING: Seen = { declared: [], readers: [], findings: [], notShown: [] }
const NOT_SHOWN = [
  'Rights that the store keeps by its own users and roles, and not at the bucket.',
  'Links that somebody signed with a key of theirs (presigned), and access points: a bucket does not name them.',
  `Access lists of objects are read ${OBJECTS} at a look, in turn; a large bucket takes a while until all were.`,
]
const NO_BUCKETS = 'No place that the charter names is a bucket, and the objects of this installation are files.'

export class BucketSurface {
  readonly #access: Readonly<Record<string, WatchAccess>>
  readonly #memories = new Map<string, Memory>()

  /** @param access of the sentinel's own, by the place's name */
  constructor(access: Readonly<Record<string, WatchAccess>>) {
    this.#access = access
  }

  /** @param places as the charter names them; those that are no buckets are left out */
  async look(places: readonly NamedPlace[]): Promise<Observation> {
    const buckets = places.filter(({ at }) => at.startsWith('s3://'))
    if (buckets.length === 0) return { ...NOTHING, notShown: [NO_BUCKETS] }
    for (const key of this.#memories.keys()) {
      if (!buckets.some((place) => keyOf(place) === key)) this.#memories.delete(key)
    }
    const waiting = [...buckets]
    const all: Seen[] = []
    const work = async () => {
      for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) all.push(await this.#lookAt(place))
    }
    await Promise.all(Array.from({ length: Math.min(BUCKETS_AT_ONCE, buckets.length) }, work))
    return {
      declared: all.flatMap(({ declared }) => declared),
      readers: all.flatMap(({ readers }) => readers),
      findings: onceEach(all.flatMap(({ findings }) => findings)),
      notShown: [...NOT_SHOWN, ...new Set(all.flatMap(({ notShown }) => notShown))],
    }
  }

  async #lookAt(named: NamedPlace): Promise<Seen> {
    const memory = this.#memories.get(keyOf(named)) ?? { failures: 0, last: NOTHING, after: undefined, open: [] }
    this.#memories.set(keyOf(named), memory)
    const place = placeOf(named, {} satisfies PlaceAccess)
    if (place.kind !== 'bucket') return NOTHING
    const access = Object.hasOwn(this.#access, named.name) ? this.#access[named.name] : undefined
    if (access === undefined) return unread(memory.last, place.bucket, 'no credential of the sentinel’s in places.json')
    // Loaded only where a bucket is named: the SDK is larger than the sentinel.
    const { S3Client } = await import('@aws-sdk/client-s3')
    const client = new S3Client({
      region: access.region,
      ...(access.endpoint === undefined ? {} : { endpoint: access.endpoint, forcePathStyle: true }),
      credentials: { accessKeyId: access.accessKeyId, secretAccessKey: access.secretAccessKey },
      maxAttempts: 1,
    })
    try {
      memory.last = await readBucket(client, place.bucket, place.prefix, access.account ?? null, memory)
      memory.failures = 0
      return memory.last
    } catch (error) {
      memory.failures++
      // Fails closed: what was found stays found, and after a second time that it can't be read is a finding too.
      return memory.failures < FAILURES_MAX ? memory.last : unread(memory.last, place.bucket, reasonOf(error))
    } finally {
      client.destroy()
    }
  }
}

async function readBucket(
  client: S3Client,
  bucket: string,
  prefix: string,
  account: string | null,
  memory: Memory,
): Promise<Seen> {
  const s3 = await import('@aws-sdk/client-s3')
  const of = { Bucket: bucket, ...(account === null ? {} : { ExpectedBucketOwner: account }) }
  const within = () => ({ abortSignal: AbortSignal.timeout(CALL_MS_MAX) })
  const [acl, policy, status, block, site] = await Promise.all([
    asked('acl', () => client.send(new s3.GetBucketAclCommand(of), within())),
    asked('policy', () => client.send(new s3.GetBucketPolicyCommand(of), within()), NO_POLICY),
    asked('policy status', () => client.send(new s3.GetBucketPolicyStatusCommand(of), within()), [
      ...NO_POLICY,
      ...NOT_KNOWN,
    ]),
    asked('public access block', () => client.send(new s3.GetPublicAccessBlockCommand(of), within()), [
      NO_BLOCK,
      ...NOT_KNOWN,
    ]),
    asked('web site', () => client.send(new s3.GetBucketWebsiteCommand(of), within()), [NO_SITE, ...NOT_KNOWN]),
  ])
  const name = `bucket ${bucket}`
  const notShown: string[] = []
  const owner = ownerOf(acl.answer)
  const readers: (Reader & { readonly isOwner: boolean })[] = [...aclReaders(acl.answer, owner, bucket, 'access list')]

  if (policy.answer !== null) {
    if (typeof policy.answer.Policy !== 'string') throw new Unread('policy', 'another answer')
    readers.push(...policyReaders(policy.answer.Policy, name, account))
  }
  if (status.answer !== null) {
    const isPublic = status.answer.PolicyStatus?.IsPublic
    if (isPublic === undefined) throw new Unread('policy status', 'another answer')
    if (isPublic) {
      readers.push({
        who: 'anybody',
        what: `what the policy allows on ${name}`,
        through: 'policy status',
        isOwner: false,
      })
    }
  }
  const changed: string[] = []
  if (block.code !== null && NOT_KNOWN.includes(block.code)) {
    notShown.push('The store of a bucket here knows no block on public access.')
  } else if (block.code === NO_BLOCK) changed.push('public access is not blocked')
  else {
    const set = block.answer?.PublicAccessBlockConfiguration
    if (set === undefined) throw new Unread('public access block', 'another answer')
    const off = BLOCKS.filter((key) => set[key] !== true)
    if (off.length > 0) changed.push(`public access is not blocked: ${off.join(', ')}`)
  }
  if (site.answer !== null) {
    const { IndexDocument, RedirectAllRequestsTo } = site.answer
    if (IndexDocument === undefined && RedirectAllRequestsTo === undefined)
      throw new Unread('web site', 'another answer')
    readers.push({ who: 'anybody', what: `read pages of ${name}`, through: 'web site', isOwner: false })
  }
  readers.push(...(await objectReaders()))
  const strangers = readers.filter(({ isOwner }) => !isOwner)
  const [first] = strangers
  const findings: Finding[] = []
  if (first !== undefined) {
    const { who, what, through } = first
    findings.push({
      kind: 'reader-unexpected',
      subject: name,
      detail: { who, what, through, readers: strangers.length },
    })
  }
  const [change] = changed
  if (change !== undefined) findings.push({ kind: 'guard-changed', subject: name, detail: { change } })
  const declared = readers.filter(({ isOwner }) => isOwner)
  return { declared: declared.map(plain), readers: readers.map(plain), findings, notShown }

  /** Those that were open at the last look, and some more behind the last one. */
  async function objectReaders(): Promise<readonly (Reader & { readonly isOwner: boolean })[]> {
    const { answer: page } = await asked('list of objects', () =>
      client.send(
        new s3.ListObjectsV2Command({
          ...of,
          MaxKeys: OBJECTS,
          ...(prefix === '' ? {} : { Prefix: prefix }),
          ...(memory.after === undefined ? {} : { StartAfter: memory.after }),
        }),
        within(),
      ),
    )
    const listed = (page?.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]))
    const keys = [...new Set([...memory.open, ...listed])]
    const lists = await Promise.all(
      keys.map(async (Key) => {
        const { answer, code } = await asked(
          'access list of an object',
          () => client.send(new s3.GetObjectAclCommand({ ...of, Key }), within()),
          ['NoSuchKey'],
        )
        // It went away meanwhile.
        if (code !== null) return []
        const strangers = aclReaders(answer, owner, `${bucket}: ${printableName(Key)}`, 'access list of an object')
        return strangers.filter(({ isOwner }) => !isOwner).map((reader) => ({ ...reader, key: Key }))
      }),
    )
    const open = lists.flat()
    memory.open = [...new Set(open.map(({ key }) => key))].slice(0, OPEN_MAX)
    memory.after = page?.IsTruncated === true ? listed.at(-1) : undefined
    return open.map(({ key: _key, ...reader }) => reader)
  }
}

const NO_POLICY = ['NoSuchBucketPolicy']
const NO_BLOCK = 'NoSuchPublicAccessBlockConfiguration'
const NO_SITE = 'NoSuchWebsiteConfiguration'
/** A store that has no such thing. Whoever stores elsewhere than at AWS has neither blocks nor sites, and access lists all the same. */
const NOT_KNOWN = ['NotImplemented', 'MethodNotAllowed']
const BLOCKS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const

const EVERYBODY: Readonly<Record<string, string>> = {
  'http://acs.amazonaws.com/groups/global/AllUsers': 'anybody',
  'http://acs.amazonaws.com/groups/global/AuthenticatedUsers': 'anybody with an account at the store',
}
const WHAT: Readonly<Record<string, string>> = {
  READ: 'read',
  WRITE: 'change',
  READ_ACP: 'see who may read',
  WRITE_ACP: 'decide who may read',
  FULL_CONTROL: 'read, change and decide who may read',
}
const ownerSchema = z.object({ Owner: z.object({ ID: z.string().min(1) }) })

/** @throws `Unread` for an answer without an owner: a store that ignores what it was asked gives one of another kind */
function ownerOf(acl: GetBucketAclOutput | null): string {
  const parsed = ownerSchema.safeParse(acl)
  if (!parsed.success) throw new Unread('access list', 'another answer')
  return parsed.data.Owner.ID
}

function aclReaders(
  acl: GetBucketAclOutput | null,
  owner: string,
  name: string,
  through: string,
): readonly (Reader & { readonly isOwner: boolean })[] {
  // An object of another owner is that one's to open.
  const own = ownerOf(acl)
  const others = own === owner ? [] : [row(`account ${printableName(own)}`, WHAT.FULL_CONTROL ?? '', false)]
  return [
    ...others,
    ...(acl?.Grants ?? []).map((grant) => row(whoOf(grant, owner), whatOf(grant), isOwner(grant, owner))),
  ]

  function row(who: string, what: string, isOwn: boolean) {
    return { who, what: `${what} bucket ${name}`, through, isOwner: isOwn }
  }
}

function isOwner({ Grantee }: Grant, owner: string): boolean {
  return Grantee?.Type === 'CanonicalUser' && Grantee.ID === owner
}

function whoOf(grant: Grant, owner: string): string {
  if (isOwner(grant, owner)) return `owner ${printableName(owner)}`
  const { URI, ID, EmailAddress } = grant.Grantee ?? {}
  if (URI !== undefined) return Object.hasOwn(EVERYBODY, URI) ? (EVERYBODY[URI] ?? URI) : `group ${printableName(URI)}`
  return `account ${printableName(ID ?? EmailAddress ?? 'unknown')}`
}

function whatOf({ Permission }: Grant): string {
  const right = Permission ?? 'unknown'
  return Object.hasOwn(WHAT, right) ? (WHAT[right] ?? right) : printableName(right)
}

function plain({ who, what, through }: Reader): Reader {
  return { who, what, through }
}

/** Of one bucket; in its message what was asked for and how it was answered, by the store's code. */
class Unread extends Error {
  readonly asked: string

  constructor(asked: string, code: string) {
    super(`${asked}: ${code}`)
    this.asked = asked
  }
}

/** @param refusals codes by which the store says that there is none; any other is thrown as `Unread` */
async function asked<T>(
  what: string,
  ask: () => Promise<T>,
  refusals: readonly string[] = [],
): Promise<{ readonly answer: T | null; readonly code: string | null }> {
  try {
    return { answer: await ask(), code: null }
  } catch (error) {
    const code = error instanceof Error ? error.name : 'unknown'
    if (refusals.includes(code)) return { answer: null, code }
    throw new Unread(what, code)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Unread ? error.message : 'policy: another answer'
}

/** The last rows stay; that they may no longer be true is a finding. */
function unread(last: Seen, bucket: string, reason: string): Seen {
  const finding: Finding = { kind: 'guard-changed', subject: `bucket ${bucket}`, detail: { unread: reason } }
  const others = last.findings.filter(({ kind }) => kind !== 'guard-changed')
  return {
    ...last,
    findings: [...others, finding],
    notShown: [...last.notShown, `bucket ${bucket} could not be read: ${reason}`],
  }
}

function onceEach(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.kind} ${finding.subject}`, finding])).values()]
}

function keyOf({ name, at }: NamedPlace): string {
  return `${name} ${at}`
}

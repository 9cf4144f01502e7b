/**
 * A stand-in for who has rights on a bucket, because no store that knows it can be had here: the S3 server of the other tests keeps
 * objects and neither policies nor access lists. It is built from the published API reference, for these calls alone: GetBucketAcl,
 * GetBucketPolicy, GetBucketPolicyStatus, GetPublicAccessBlock, GetBucketWebsite, ListObjectsV2 and GetObjectAcl, with their XML and
 * the names of their errors.
 */
import { createServer } from 'node:http'

interface Grantee {
  readonly uri?: string
  readonly id?: string
  readonly right: string
}

interface BucketRights {
  /** Beyond the owner's own. */
  grants: readonly Grantee[]
  policy: string | null
  isPublic: boolean
  /** Null: there is none. */
  block: Readonly<Record<string, boolean>> | null
  isSite: boolean
  /** Objects by name, with whom their access list lets in beyond the owner. */
  objects: Readonly<Record<string, readonly Grantee[]>>
  /** By subresource (`acl`, `policy`, …; `list`, `object-acl`): the name of the error with which it is refused. */
  refuses: Readonly<Record<string, string>>
}

export interface BucketRightsServer {
  readonly endpoint: string
  readonly rights: BucketRights
  readonly owner: string
  /** What was asked for, in order. */
  readonly asked: readonly string[]
  stop(): Promise<void>
}

const OWNER = 'a'.repeat(64)
const NONE: Readonly<Record<string, string>> = {
  policy: 'NoSuchBucketPolicy',
  policyStatus: 'NoSuchBucketPolicy',
  publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
  website: 'NoSuchWebsiteConfiguration',
}

/** A bucket in which nobody but its owner has a right, and public access is blocked. */
export async function startBucketRightsServer(): Promise<BucketRightsServer> {
  const rights: BucketRights = {
    grants: [],
    policy: null,
    isPublic: false,
    block: { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true },
    isSite: false,
    objects: {},
    refuses: {},
  }
  const asked: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://store')
    const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'))
    const what =
      ['acl', 'policyStatus', 'policy', 'publicAccessBlock', 'website'].find((one) => url.searchParams.has(one)) ??
      'list'
    const name = key === '' ? what : `object-${what}`
    asked.push(name)
    const answer = rights.refuses[name] === undefined ? serve(name, key, url.searchParams) : null
    const headers = { 'content-type': name === 'policy' && answer !== null ? 'application/json' : 'application/xml' }
    if (answer !== null) response.writeHead(200, headers).end(answer)
    else {
      const code = rights.refuses[name] ?? NONE[name] ?? 'NoSuchKey'
      const status = code === 'AccessDenied' ? 403 : code === 'NotImplemented' ? 501 : 404
      response.writeHead(status, headers).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  return {
    endpoint: `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`,
    rights,
    owner: OWNER,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  /** Null: there is no such thing. */
  function serve(name: string, key: string, query: URLSearchParams): string | null {
    const { block, policy, objects } = rights
    if (name === 'acl') return aclOf(rights.grants)
    if (name === 'object-acl') return Object.hasOwn(objects, key) ? aclOf(objects[key] ?? []) : null
    if (name === 'policy') return policy
    if (name === 'policyStatus') {
      return policy === null ? null : `<PolicyStatus><IsPublic>${rights.isPublic}</IsPublic></PolicyStatus>`
    }
    if (name === 'publicAccessBlock') {
      const set = Object.entries(block ?? {}).map(([flag, value]) => `<${flag}>${value}</${flag}>`)
      return block && `<PublicAccessBlockConfiguration>${set.join('')}</PublicAccessBlockConfiguration>`
    }
    if (name === 'website') {
      const index = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>'
      return rights.isSite ? `<WebsiteConfiguration>${index}</WebsiteConfiguration>` : null
    }
    if (name !== 'list') return null
    const names = Object.keys(objects)
      .filter((one) => one.startsWith(query.get('prefix') ?? ''))
      .sort()
    const behind = names.filter((one) => one > (query.get('start-after') ?? ''))
    const page = behind.slice(0, Number(query.get('max-keys')))
    const contents = page.map((one) => `<Contents><Key>${one}</Key></Contents>`).join('')
    return `<ListBucketResult><IsTruncated>${page.length < behind.length}</IsTruncated>${contents}</ListBucketResult>`
  }
}

function aclOf(grants: readonly Grantee[]): string {
  const all = [{ id: OWNER, right: 'FULL_CONTROL' } satisfies Grantee, ...grants]
  const list = all.map(({ uri, id, right }: Grantee) => {
    const [type, own] = uri === undefined ? ['CanonicalUser', `<ID>${id}</ID>`] : ['Group', `<URI>${uri}</URI>`]
    const grantee = `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="${type}">${own}</Grantee>`
    return `<Grant>${grantee}<Permission>${right}</Permission></Grant>`
  })
  return `<AccessControlPolicy><Owner><ID>${OWNER}</ID></Owner><AccessControlList>${list.join('')}</AccessControlList></AccessControlPolicy>`
}

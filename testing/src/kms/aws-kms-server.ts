/**
 * A stand-in for AWS KMS, because no real one can be had here. It is built from the published API reference: the JSON 1.1 protocol
 * (`X-Amz-Target: TrentService.*`), signatures version 4 that are checked, encryption context as associated data, errors as
 * `{"__type":…,"message":…}` with their names, and keys that are never deleted at once but pending for 7 to 30 days.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { type KmsFault, SLOW_MS } from './faults.ts'

interface AwsKey {
  readonly id: string
  readonly key: Buffer
  deletedAtSeconds: number | null
}

export interface AwsKmsServer {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly keys: ReadonlyMap<string, AwsKey>
  fault: KmsFault
  /** Lets the days of a pending deletion go by. */
  purge(): void
  stop(): Promise<void>
}

class Refused extends Error {
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

type Input = Readonly<Record<string, unknown>>

export async function startAwsKmsServer(): Promise<AwsKmsServer> {
  const region = 'eu-central-1'
  const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: randomBytes(30).toString('base64') }
  const keys = new Map<string, AwsKey>()
  const aliases = new Map<string, string>()
  const state: { fault: KmsFault } = { fault: 'none' }
  const server = createServer(async (request, response) => {
    const parts: Uint8Array[] = []
    for await (const part of request) parts.push(part)
    const body = Buffer.concat(parts)
    if (state.fault === 'silent') return
    if (state.fault === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() }
    try {
      requireSignature(request, body, region, credentials)
      if (state.fault === 'denies') throw new Refused('AccessDeniedException', 'User is not authorized to perform this')
      const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
      const answer = state.fault === 'babbles' ? {} : serve(operation, JSON.parse(body.toString('utf8')))
      response.writeHead(200, headers).end(JSON.stringify(answer))
    } catch (error) {
      const type = error instanceof Refused ? error.type : 'KMSInternalException'
      const message = error instanceof Refused ? error.message : 'internal'
      response.writeHead(400, headers).end(JSON.stringify({ __type: type, message }))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  return {
    endpoint: `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`,
    region,
    credentials,
    keys,
    get fault() {
      return state.fault
    },
    set fault(fault) {
      state.fault = fault
    },
    purge() {
      for (const [id, key] of keys) if (key.deletedAtSeconds !== null) keys.delete(id)
      for (const [alias, id] of aliases) if (!keys.has(id)) aliases.delete(alias)
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  function serve(operation: string, input: Input): unknown {
    switch (operation) {
      case 'CreateKey': {
        const made: AwsKey = { id: randomUUID(), key: randomBytes(32), deletedAtSeconds: null }
        keys.set(made.id, made)
        return { KeyMetadata: metadata(made) }
      }
      case 'CreateAlias': {
        const alias = String(input.AliasName)
        if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(alias) || alias.startsWith('alias/aws/')) {
          throw new Refused('InvalidAliasNameException', 'Invalid alias name')
        }
        if (aliases.has(alias)) throw new Refused('AlreadyExistsException', `${alias} already exists`)
        aliases.set(alias, keyOf(input.TargetKeyId).id)
        return {}
      }
      case 'DescribeKey':
        return { KeyMetadata: metadata(keyOf(input.KeyId)) }
      case 'Encrypt': {
        const key = usable(input.KeyId)
        const plaintext = Buffer.from(String(input.Plaintext), 'base64')
        if (plaintext.length > 4096) throw new Refused('ValidationException', 'Plaintext is too long')
        const given = state.fault === 'wraps-another' ? randomBytes(plaintext.length) : plaintext
        return { CiphertextBlob: sealed(key, given, input).toString('base64'), KeyId: arn(key) }
      }
      case 'Decrypt': {
        const blob = Buffer.from(String(input.CiphertextBlob), 'base64')
        const id = blob.subarray(0, 36).toString('latin1')
        if (input.KeyId !== undefined && keyOf(input.KeyId).id !== id) {
          throw new Refused(
            'IncorrectKeyException',
            'The key ID in the request does not identify a CMK that can perform this',
          )
        }
        const key = usable(input.KeyId ?? id)
        const plaintext = opened(key, blob, input)
        const told = state.fault === 'lies' ? randomBytes(plaintext.length) : plaintext
        return { Plaintext: told.toString('base64'), KeyId: arn(key) }
      }
      case 'ScheduleKeyDeletion': {
        const key = usable(input.KeyId)
        const days = Number(input.PendingWindowInDays ?? 30)
        if (!(days >= 7 && days <= 30)) throw new Refused('ValidationException', 'PendingWindowInDays out of range')
        key.deletedAtSeconds = Math.floor(Date.now() / 1_000) + days * 86_400
        return {
          KeyId: arn(key),
          DeletionDate: key.deletedAtSeconds,
          KeyState: 'PendingDeletion',
          PendingWindowInDays: days,
        }
      }
      default:
        throw new Refused('UnknownOperationException', 'no such operation')
    }
  }

  function keyOf(name: unknown): AwsKey {
    const text = String(name)
    const key = keys.get(text.startsWith('alias/') ? (aliases.get(text) ?? '') : (text.split('/').at(-1) ?? ''))
    if (key === undefined) throw new Refused('NotFoundException', `${text} is not found`)
    return key
  }

  function usable(name: unknown): AwsKey {
    const key = keyOf(name)
    if (key.deletedAtSeconds !== null) throw new Refused('KMSInvalidStateException', `${arn(key)} is pending deletion.`)
    return key
  }

  function arn({ id }: AwsKey): string {
    return `arn:aws:kms:${region}:111122223333:key/${id}`
  }

  function metadata(key: AwsKey) {
    const isPending = key.deletedAtSeconds !== null
    return {
      KeyId: key.id,
      Arn: arn(key),
      KeyState: isPending ? 'PendingDeletion' : 'Enabled',
      ...(isPending ? { DeletionDate: key.deletedAtSeconds } : {}),
    }
  }
}

function contextOf({ EncryptionContext: context }: Input): Buffer {
  const pairs = Object.entries(typeof context === 'object' && context !== null ? context : {}).sort()
  return Buffer.from(JSON.stringify(pairs))
}

function sealed({ id, key }: AwsKey, plaintext: Buffer, input: Input): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(contextOf(input))
  return Buffer.concat([
    Buffer.from(id, 'latin1'),
    nonce,
    cipher.update(plaintext),
    cipher.final(),
    cipher.getAuthTag(),
  ])
}

function opened({ key }: AwsKey, blob: Buffer, input: Input): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(36, 48))
    decipher.setAAD(contextOf(input))
    decipher.setAuthTag(blob.subarray(-16))
    return Buffer.concat([decipher.update(blob.subarray(48, -16)), decipher.final()])
  } catch {
    // Damaged, or another context: AWS gives one name to both.
    throw new Refused('InvalidCiphertextException', '')
  }
}

/** AWS Signature Version 4, over the headers that the client signed. */
function requireSignature(
  request: IncomingMessage,
  body: Buffer,
  region: string,
  credentials: AwsKmsServer['credentials'],
): void {
  const parsed =
    /^AWS4-HMAC-SHA256 Credential=(\S+?)\/(\d{8})\/(\S+?)\/kms\/aws4_request, SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    )
  if (parsed === null)
    throw new Refused('MissingAuthenticationTokenException', 'Request is missing Authentication Token')
  const [, accessKeyId, date = '', signedRegion, names = '', signature] = parsed
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`)
  const canonical = ['POST', '/', '', headers.join(''), names, sha256(body)].join('\n')
  const scope = `${date}/${region}/kms/aws4_request`
  const text = ['AWS4-HMAC-SHA256', String(request.headers['x-amz-date']), scope, sha256(Buffer.from(canonical))].join(
    '\n',
  )
  const key = [date, region, 'kms', 'aws4_request'].reduce<Buffer>(
    (parent, part) => createHmac('sha256', parent).update(part).digest(),
    Buffer.from(`AWS4${credentials.secretAccessKey}`),
  )
  const expected = createHmac('sha256', key).update(text).digest('hex')
  if (accessKeyId !== credentials.accessKeyId || signedRegion !== region || signature !== expected) {
    throw new Refused('InvalidSignatureException', 'The request signature we calculated does not match')
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

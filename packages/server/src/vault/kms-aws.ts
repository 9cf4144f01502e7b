/**
 * Key management in AWS KMS: one customer key for each generation, found by its alias, the context as encryption context.
 *
 * AWS deletes no key at once. It is unusable from the moment on which its deletion is scheduled, and gone after seven days;
 * until then somebody with the right to may cancel. That is said wherever a destruction is logged.
 */
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { doesNotOpen, KMS_MS_MAX, type Kms, kmsUnavailable } from './kms.ts'

export interface AwsSettings {
  readonly region: string
  /** Another than the region's own, such as a VPC endpoint. */
  readonly endpoint?: string | undefined
  /** Where they are left out, the SDK's own chain finds them: instance role, web identity, profile. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** The shortest that AWS allows. */
const PENDING_DAYS = 7
/** Ciphertext, context or key are not what was wrapped; or the key is gone, or on its way. */
const NOT_OPENING: readonly string[] = [
  'InvalidCiphertextException',
  'IncorrectKeyException',
  'NotFoundException',
  'KMSInvalidStateException',
  'DisabledException',
]

/** @param msMax how long a request may take; shorter in tests alone */
export function openAwsKms({ region, endpoint, credentials }: AwsSettings, msMax = KMS_MS_MAX): Kms {
  const client = new KMSClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
  })
  return {
    kind: 'aws',
    async createKey(name) {
      const alias = aliasOf(name)
      const known = await describe(alias)
      if (known !== null) return known.id
      const { KeyMetadata } = await call((options) =>
        client.send(
          new CreateKeyCommand({
            Description: 'Fairtrace: wraps the keystore of the vault',
            KeyUsage: 'ENCRYPT_DECRYPT',
          }),
          options,
        ),
      )
      const id = KeyMetadata?.KeyId
      if (id === undefined) throw kmsUnavailable('the key management answered something else')
      await call((options) => client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: id }), options))
      return id
    },
    async wrap(keyId, context, secret) {
      const { CiphertextBlob } = await call((options) =>
        client.send(
          new EncryptCommand({ KeyId: keyId, Plaintext: secret, EncryptionContext: { fairtrace: context } }),
          options,
        ),
      )
      if (CiphertextBlob === undefined) throw kmsUnavailable('the key management answered something else')
      return Buffer.from(CiphertextBlob)
    },
    async unwrap(keyId, context, wrapped) {
      const { Plaintext } = await call(
        (options) =>
          client.send(
            // Naming the key refuses what another one wrapped.
            new DecryptCommand({ KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: { fairtrace: context } }),
            options,
          ),
        NOT_OPENING,
      )
      if (Plaintext === undefined) throw kmsUnavailable('the key management answered something else')
      return Buffer.from(Plaintext)
    },
    async destroyKey(keyId) {
      const known = await describe(keyId)
      if (known === null) return { revocableUntilMs: null }
      if (known.deletedAtMs !== null) return { revocableUntilMs: known.deletedAtMs }
      const { DeletionDate } = await call((options) =>
        client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: PENDING_DAYS }), options),
      )
      if (DeletionDate === undefined) throw kmsUnavailable('the key management answered something else')
      return { revocableUntilMs: DeletionDate.getTime() }
    },
    close: () => client.destroy(),
  }

  /** @returns null if there is no such key */
  async function describe(keyId: string): Promise<{ readonly id: string; readonly deletedAtMs: number | null } | null> {
    try {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: keyId }), within())
      if (KeyMetadata?.KeyId === undefined) throw kmsUnavailable('the key management answered something else')
      const isGoing = KeyMetadata.KeyState === 'PendingDeletion'
      return { id: KeyMetadata.KeyId, deletedAtMs: isGoing ? (KeyMetadata.DeletionDate?.getTime() ?? null) : null }
    } catch (error) {
      if (nameOf(error) === 'NotFoundException') return null
      throw kmsUnavailable(`the key management refused with ${nameOf(error)}`, error)
    }
  }

  async function call<T>(
    send: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    notOpening: readonly string[] = [],
  ): Promise<T> {
    try {
      return await send(within())
    } catch (error) {
      if (notOpening.includes(nameOf(error))) throw doesNotOpen()
      throw kmsUnavailable(`the key management refused with ${nameOf(error)}`, error)
    }
  }

  function within(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(msMax) }
  }
}

function aliasOf(name: string): string {
  return `alias/${name}`
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'no reason'
}

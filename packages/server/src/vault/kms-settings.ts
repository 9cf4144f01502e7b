/** Which key management the vault uses, as its operator writes it in `kms.json`. Secrets stand in files of their own. */
import { join } from 'node:path'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { Kms } from './kms.ts'

const path = z.string().min(1)

export const kmsSettingsSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('local') }),
  z.strictObject({
    kind: z.literal('transit'),
    /** Unencrypted only to this machine itself: token and keys travel here. */
    address: z.url().refine(isSafeAddress, 'takes https, or http to this machine'),
    mount: z
      .string()
      .regex(/^[A-Za-z0-9_/-]+$/)
      .default('transit'),
    namespace: z.string().optional(),
    tokenFile: path,
  }),
  z.strictObject({
    kind: z.literal('aws'),
    region: z.string().regex(/^[a-z0-9-]+$/),
    endpoint: z.url().refine(isSafeAddress, 'takes https, or http to this machine').optional(),
    credentials: z.strictObject({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) }).optional(),
  }),
])
export type KmsSettings = z.infer<typeof kmsSettingsSchema>

/**
 * @param passphrase of the local key management; the others take none
 * @throws `KEY_UNAVAILABLE`; a remote one is first asked when a key is needed
 */
export async function openKms(settings: KmsSettings, keysDir: string, passphrase: string | undefined): Promise<Kms> {
  // Each is loaded only where it is used: the SDK alone takes longer to load than the vault.
  switch (settings.kind) {
    case 'local':
      if (passphrase === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the vault needs a passphrase')
      return (await import('./kms-local.ts')).openLocalKms(join(keysDir, 'local-kms'), passphrase)
    case 'transit':
      return (await import('./kms-transit.ts')).openTransitKms(settings)
    case 'aws':
      return (await import('./kms-aws.ts')).openAwsKms(settings)
  }
}

function isSafeAddress(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
}

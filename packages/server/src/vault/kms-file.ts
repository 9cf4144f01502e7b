/** `kms.json` in the keys folder: the operator writes it where the key management isn't local. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { type KmsSettings, kmsSettingsSchema } from './kms-settings.ts'

/** Each fault is named; what stands there is not repeated. @throws `KMS_SETTINGS_INVALID` */
export function readKmsSettings(keysDir: string): KmsSettings {
  const path = join(keysDir, 'kms.json')
  if (!existsSync(path)) return { kind: 'local' }
  // Windows has no such bits; there the folder's own rights hold.
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
    throw invalid('others on this machine may read it; take their right away (chmod 600)')
  }
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Without the parser's message, which would quote what stands there.
    throw invalid("it can't be read as JSON")
  }
  const parsed = kmsSettingsSchema.safeParse(content)
  if (parsed.success) return parsed.data
  throw invalid(
    parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`).join('; '),
  )
}

function invalid(what: string): FairtraceError {
  return new FairtraceError('KMS_SETTINGS_INVALID', `kms.json in the keys folder: ${what}`)
}

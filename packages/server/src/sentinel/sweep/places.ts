/**
 * Places where copies could be: those that the charter names (`exposure.places`), with what the operator lets the scanner read them by.
 *
 * DATA/places.json, its owner's alone, by the place's name in the charter:
 * ```json
 * { "warehouse": { "user": "fairtrace_sweep", "password": "…" },
 *   "exports": { "accessKeyId": "…", "secretAccessKey": "…", "region": "eu-central-1", "endpoint": "https://s3.example" } }
 * ```
 */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const databaseAccess = z.strictObject({ user: z.string().min(1).max(63), password: z.string().max(1024) })
const bucketAccess = z.strictObject({
  accessKeyId: z.string().min(1).max(256),
  secretAccessKey: z.string().min(1).max(256),
  region: z.string().max(64).default('us-east-1'),
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
})
export const placesSchema = z.record(z.string().regex(/^[a-z0-9-]{1,64}$/), z.union([databaseAccess, bucketAccess]))
export type PlaceAccess = z.infer<typeof placesSchema>

export type Place = { readonly name: string; readonly at: string } & (
  | {
      readonly kind: 'database'
      readonly host: string
      readonly port: number
      readonly database: string
      readonly user: string | null
      readonly password: string | null
    }
  | {
      readonly kind: 'bucket'
      readonly bucket: string
      readonly prefix: string
      readonly access: z.infer<typeof bucketAccess> | null
    }
  | {
      readonly kind: 'folder'
      readonly folder: string
      /** Left out: our own data directory, and what is older than it, in a folder that everybody shares. */
      readonly except?: readonly string[]
      readonly newerThanMs?: number
      /** How far down it is looked into. */
      readonly depthMax?: number
    }
)

/** @param named as the charter has it, so its form is right */
export function placeOf(named: { readonly name: string; readonly at: string }, access: PlaceAccess): Place {
  const { name, at } = named
  const own = access[name]
  if (at.startsWith('s3://')) {
    const [bucket = '', ...rest] = at.slice('s3://'.length).split('/')
    return {
      name,
      at,
      kind: 'bucket',
      bucket,
      prefix: rest.join('/'),
      access: own && 'accessKeyId' in own ? own : null,
    }
  }
  if (at.startsWith('postgresql://')) {
    const url = new URL(at)
    return {
      name,
      at,
      kind: 'database',
      host: url.hostname,
      port: Number(url.port || 5432),
      database: decodeURIComponent(url.pathname.slice(1)),
      user: own && 'user' in own ? own.user : null,
      password: own && 'user' in own ? own.password : null,
    }
  }
  return { name, at, kind: 'folder', folder: fileURLToPath(at) }
}

/** A name from outside, fit to be shown: no control characters, not too long. */
export function shownName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be shown
  const plain = name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, '�')
  return plain.length <= 160 ? plain : `${plain.slice(0, 160)}…`
}

/**
 * Places where copies could be: those that the charter names (`exposure.places`), with what the operator lets the scanner read them by.
 *
 * DATA/places.json, its owner's alone, by the place's name in the charter:
 * ```json
 * { "warehouse": { "user": "fairtrace_sweep", "password": "…" },
 *   "exports": { "accessKeyId": "…", "secretAccessKey": "…", "region": "eu-central-1", "endpoint": "https://s3.example",
 *     "watch": { "accessKeyId": "…", "secretAccessKey": "…", "account": "123456789012" } } }
 * ```
 * `watch` is the sentinel's: by it, it asks who has rights on the bucket, and can read no object. The scanner never gets it, nor the
 * sentinel the other one.
 */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const databaseAccess = z.strictObject({ user: z.string().min(1).max(63), password: z.string().max(1024) })
const s3Key = { accessKeyId: z.string().min(1).max(256), secretAccessKey: z.string().min(1).max(256) }
const bucketAccess = z.strictObject({
  ...s3Key,
  /** With the account that owns the bucket, where the store knows accounts by number. */
  watch: z
    .strictObject({
      ...s3Key,
      account: z
        .string()
        .regex(/^\d{12}$/)
        .optional(),
    })
    .optional(),
  region: z.string().max(64).default('us-east-1'),
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
})
export const placesSchema = z.record(z.string().regex(/^[a-z0-9-]{1,64}$/), z.union([databaseAccess, bucketAccess]))
export type PlaceAccess = z.infer<typeof placesSchema>

/** By what the sentinel asks a store who has rights on one bucket. */
export type WatchAccess = NonNullable<z.infer<typeof bucketAccess>['watch']> &
  Pick<z.infer<typeof bucketAccess>, 'region' | 'endpoint'>

/** Of all that the operator wrote, what the scanner needs. */
export function sweepAccess(settings: PlaceAccess): PlaceAccess {
  return Object.fromEntries(
    Object.entries(settings).map(([name, own]) => {
      if (!('accessKeyId' in own)) return [name, own]
      const { watch: _watch, ...rest } = own
      return [name, rest]
    }),
  )
}

/** Of all that the operator wrote, what the sentinel needs: no credential that could read an object. */
export function watchAccess(settings: PlaceAccess): Readonly<Record<string, WatchAccess>> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, own]) => {
      if (!('accessKeyId' in own) || own.watch === undefined) return []
      const { region, endpoint } = own
      return [[name, { ...own.watch, region, ...(endpoint === undefined ? {} : { endpoint }) }]]
    }),
  )
}

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

/**
 * The charter: the one document that defines a programme. See `docs/charter.md` for each field in plain words.
 *
 * Every other module derives from the value parsed here; a field is stated once. Default deny: a list that is missing is
 * an error, an empty one allows nothing.
 */
import { z } from 'zod'
import { appIdPattern, ROLES } from '../action.ts'
import { APPROVER_ROLES } from '../grant.ts'
import { digestPattern, programmeIdPattern } from '../ids.ts'
import { CATEGORIES } from '../lease.ts'

const MINUTE = 60_000
const DURATION_FORM = 'write a whole number and minutes, hours or days, such as "14 days"'
const UNITS: Readonly<Record<string, number>> = { minute: MINUTE, hour: 60 * MINUTE, day: 1_440 * MINUTE }

/** "14 days", "24 hours", "30 minutes" → milliseconds, within `[min, max]`. */
function duration(min: string, max: string) {
  return z
    .string(DURATION_FORM)
    .regex(/^\d{1,5} (?:minute|hour|day)s?$/, DURATION_FORM)
    .transform(durationMs)
    .refine((ms) => ms >= durationMs(min), `at least ${min}`)
    .refine((ms) => ms <= durationMs(max), `at most ${max}`)
}

function durationMs(text: string): number {
  const [count, unit] = text.split(' ')
  return Number(count) * (UNITS[(unit ?? '').replace(/s$/, '')] ?? Number.NaN)
}

const text = (max: number) => z.string().trim().min(1).max(max)
const dpvTerm = /^dpv:[A-Z][A-Za-z]+$/
const TERM_FORM = 'a term of the Data Privacy Vocabulary, such as dpv:ResearchAndDevelopment'
const publicKey = z.string().regex(digestPattern, 'a raw Ed25519 public key in base64url, 43 characters')

/** Purposes that are forbidden for ever in every programme. */
export const ALWAYS_FORBIDDEN = ['dpv:PersonnelPerformanceMonitoring', 'dpv:PersonnelBehaviourMonitoring'] as const

export const charterSchema = z
  .strictObject({
    charter: z.literal(1),
    programme: z.string().regex(programmeIdPattern, '3 to 63 characters of a-z, 0-9 and -'),
    version: z.int().min(1),
    title: text(120),
    demonstration: z.boolean(),
    purpose: z.strictObject({
      term: z
        .string()
        .regex(dpvTerm, TERM_FORM)
        .refine((term) => !ALWAYS_FORBIDDEN.some((f) => f === term), 'monitoring people can never be the purpose'),
      sentence: text(500),
    }),
    forbiddenPurposes: z
      .array(z.string().regex(dpvTerm, TERM_FORM))
      .refine(
        (list) => ALWAYS_FORBIDDEN.every((f) => list.includes(f)),
        `must contain ${ALWAYS_FORBIDDEN.join(' and ')}`,
      ),
    controller: z.strictObject({
      name: text(200),
      contact: text(200),
      country: z.string().regex(/^[A-Z]{2}$/, 'two capital letters, such as DE'),
    }),
    legalBasis: z.literal('eu-gdpr:A6-1-a'),
    impactAssessment: z.strictObject({ reference: text(200), date: z.iso.date() }),
    consultation: z.strictObject({ reference: text(200), date: z.iso.date() }),
    notice: z.strictObject({
      version: z.int().min(1),
      text: text(20_000),
      reflection: duration('24 hours', '90 days'),
      renewal: duration('1 day', '730 days'),
    }),
    capture: z.strictObject({
      categories: z.array(z.enum(CATEGORIES)).min(1),
      apps: z
        .array(
          z.strictObject({
            id: z.string().regex(appIdPattern, 'one exact app: desktop:<name> or web:<origin>'),
            title: text(80),
            /** Interface labels that may leave, taken from an empty account. */
            labels: z.array(text(64)).max(2_000),
          }),
        )
        .max(200)
        .refine((list) => new Set(list.map((app) => app.id)).size === list.length, 'an app is listed twice'),
      tasks: z
        .array(
          z.strictObject({
            id: z.string().regex(/^[a-z0-9-]{1,64}$/, '1 to 64 characters of a-z, 0-9 and -'),
            instruction: text(500),
          }),
        )
        .max(1_000)
        .refine((list) => new Set(list.map((task) => task.id)).size === list.length, 'a task is listed twice'),
    }),
    shield: z.strictObject({
      /** The finest position that may leave: the element's box, or only a cell of the 8 × 8 grid. */
      pointer: z.enum(['target', 'cell']),
      keyboard: z.enum(['kind-and-length', 'kind', 'none']),
      labels: z.enum(['catalogue', 'none']),
      roles: z.array(z.enum(ROLES)).min(1),
    }),
    review: duration('24 hours', '30 days'),
    retention: z.strictObject({ recordings: duration('1 day', '730 days'), releases: duration('1 day', '1825 days') }),
    audience: z.array(
      z.strictObject({ group: text(80), sizeMax: z.int().min(1), grantMax: duration('1 hour', '90 days') }),
    ),
    approvers: z
      .array(z.strictObject({ name: text(128), role: z.enum(APPROVER_ROLES), key: publicKey }))
      .refine(
        (list) => APPROVER_ROLES.every((role) => list.some((a) => a.role === role)),
        `needs at least one of each role: ${APPROVER_ROLES.join(', ')}`,
      )
      .refine((list) => new Set(list.map((a) => a.key)).size === list.length, 'two approvers share a key')
      .refine((list) => new Set(list.map((a) => a.name)).size === list.length, 'two approvers share a name'),
    release: z.strictObject({
      /** Nothing is released about fewer distinct people than this. */
      k: z.int().min(3).max(1_000),
      segmentActionsMax: z.int().min(2).max(100),
      segmentsPerPersonMax: z.int().min(1).max(10_000),
      exportAllowed: z.boolean(),
    }),
    /** Public keys of this installation: who signs leases, day keys, checkpoints and manifests. */
    keys: z.strictObject({ issuer: publicKey, vault: publicKey, ledger: publicKey, builder: publicKey }),
    /** Digests of the builds that were reviewed; a device that declares another one gets no lease. */
    builds: z.array(text(128)).min(1),
  })
  .refine(
    (charter) => !charter.approvers.some(({ key }) => Object.values(charter.keys).includes(key)),
    // Otherwise a process could approve in place of a person.
    { path: ['approvers'], message: 'an approver holds a key of the installation' },
  )

/** Deeply frozen; durations are milliseconds. */
export type Charter = DeepReadonly<z.infer<typeof charterSchema>>

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T

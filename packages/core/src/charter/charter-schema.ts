/**
 * The charter: the one document that defines a programme. See `docs/charter.md` for each field in plain words.
 *
 * Every other module derives from the value parsed here; a field is stated once. Default deny: a list that is missing is
 * an error, an empty one allows nothing. Which change of a field gives anybody more is stated in `field-rules.ts`.
 */
import { z } from 'zod'
import { passkeySchema } from '../access/approval.ts'
import { APPROVER_ROLES } from '../access/approver.ts'
import { appIdPattern, ROLES } from '../action.ts'
import { EXPOSURE_KINDS, SEVERITIES } from '../exposure.ts'
import { digestPattern, programmeIdPattern } from '../ids.ts'
import { CATEGORIES } from '../lease.ts'
import { DURATION_FORM, durationMs, durationPattern } from './duration.ts'
import { dayTimePattern, isTimeZone, WEEKDAYS } from './working-hours.ts'

/** Purposes that are forbidden for ever in every programme. */
export const ALWAYS_FORBIDDEN = ['dpv:PersonnelPerformanceMonitoring', 'dpv:PersonnelBehaviourMonitoring'] as const

/** The four people who open a gate together, in starting as in re-enabling. */
export const QUORUM_ROLES = ['programme-owner', 'data-protection', 'security', 'worker-representative'] as const
export type QuorumRole = (typeof QUORUM_ROLES)[number]

/** What `fairtrace charter init` leaves to people; where it still stands, nobody has decided. */
const FILL_IN = 'FILL-IN'
const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine((value) => value !== FILL_IN, 'fill this in')
const PLACE_FORM = 'postgresql://host:port/database, s3://bucket/prefix or file:///folder, without user and password'
const dpvTerm = /^dpv:[A-Z][A-Za-z]+$/
const TERM_FORM = 'a term of the Data Privacy Vocabulary, such as dpv:ResearchAndDevelopment'
// What manages, rates or watches people, by how the vocabulary names it: whole families, so that no sibling slips through.
const aboutPeople =
  /^dpv:(?:(?:Personnel|HumanResource)[A-Za-z]*|[A-Za-z]*(?:Monitoring|Evaluation|Evaluating|Scoring|Profiling|Surveillance|OfIndividuals)[A-Za-z]*)$/
const publicKey = z.string().regex(digestPattern, 'a raw Ed25519 public key in base64url, 43 characters')
const dayTime = z.string().regex(dayTimePattern, 'a time of day from 00:00 to 24:00')
const builds = z.array(text(128)).min(1)

/** "14 days", "24 hours", "30 minutes" → milliseconds, within `[min, max]`. */
function writtenDuration(min: string, max: string) {
  return z
    .string(DURATION_FORM)
    .regex(durationPattern, DURATION_FORM)
    .transform(durationMs)
    .refine((ms) => ms >= durationMs(min), `at least ${min}`)
    .refine((ms) => ms <= durationMs(max), `at most ${max}`)
    .meta({ description: `A length of time from ${min} to ${max}, such as "${min}"` })
}

/** The same bounds on a value that is parsed already. */
function parsedDuration(min: string, max: string) {
  return z.int().min(durationMs(min)).max(durationMs(max))
}

type DurationField<Input> = (min: string, max: string) => z.ZodType<number, Input>

function isEachOnce(list: readonly string[]): boolean {
  return new Set(list).size === list.length
}

function schemaWith<Input>(duration: DurationField<Input>) {
  return z
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
          .refine((term) => !aboutPeople.test(term), 'evaluating or monitoring people can never be the purpose'),
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
        /** How long a widening is announced before it takes effect. */
        period: duration('24 hours', '90 days'),
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
          .refine((list) => isEachOnce(list.map((app) => app.id)), 'an app is listed twice'),
        tasks: z
          .array(
            z.strictObject({
              id: z.string().regex(/^[a-z0-9-]{1,64}$/, '1 to 64 characters of a-z, 0-9 and -'),
              instruction: text(500),
            }),
          )
          .max(1_000)
          .refine((list) => isEachOnce(list.map((task) => task.id)), 'a task is listed twice'),
      }),
      shield: z.strictObject({
        /** The finest position that may leave: the element's box, or only a cell of the 8 × 8 grid. */
        pointer: z.enum(['target', 'cell']),
        keyboard: z.enum(['kind-and-length', 'kind', 'none']),
        labels: z.enum(['catalogue', 'none']),
        roles: z.array(z.enum(ROLES)).min(1),
      }),
      /** Nothing is captured outside them, whatever the lease would say. */
      workingHours: z
        .strictObject({
          zone: z.string().refine(isTimeZone, 'a time zone, such as Europe/Berlin'),
          days: z.array(z.enum(WEEKDAYS)).min(1),
          from: dayTime,
          to: dayTime,
        })
        .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be later than from, on the same day' }),
      review: duration('24 hours', '30 days'),
      retention: z.strictObject({
        recordings: duration('1 day', '730 days'),
        releases: duration('1 day', '1825 days'),
        /** How long ended grants, approvals and incidents stay visible to the people whom they concern. */
        governance: duration('365 days', '3650 days'),
      }),
      audience: z
        .array(z.strictObject({ group: text(80), sizeMax: z.int().min(1), grantMax: duration('1 hour', '90 days') }))
        .refine((list) => isEachOnce(list.map(({ group }) => group)), 'a group is listed twice'),
      approvers: z
        .array(
          z.strictObject({
            name: text(128),
            role: z.enum(APPROVER_ROLES),
            /** Signs charters. */
            key: publicKey,
            /** Approves grants; without one this person can't. */
            passkey: passkeySchema.optional(),
          }),
        )
        .refine(
          (list) => APPROVER_ROLES.every((role) => list.some((a) => a.role === role)),
          `needs at least one of each role: ${APPROVER_ROLES.join(', ')}`,
        )
        .refine((list) => isEachOnce(list.map((a) => a.key)), 'two approvers share a key')
        .refine((list) => isEachOnce(list.map((a) => a.name)), 'two approvers share a name')
        .refine(
          (list) =>
            isEachOnce(list.flatMap(({ passkey }) => (passkey === undefined ? [] : [passkey.credential, passkey.key]))),
          'two approvers share a passkey',
        ),
      /** The portal's name to passkeys: a host name, such as fairtrace.organisation.example. */
      passkeys: z.strictObject({ rpId: z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'a host name') }),
      /** Four different people, one of each role. An approver may be one of them, under the same name and key. */
      quorum: z
        .array(z.strictObject({ name: text(128), role: z.enum(QUORUM_ROLES), key: publicKey }))
        .refine(
          (list) => list.length === QUORUM_ROLES.length && isEachOnce(list.map(({ role }) => role)),
          `needs four people, one of each role: ${QUORUM_ROLES.join(', ')}`,
        )
        .refine((list) => isEachOnce(list.map(({ key }) => key)), 'two of the quorum share a key')
        .refine((list) => isEachOnce(list.map(({ name }) => name)), 'two of the quorum share a name'),
      /** How soon an exposure is found, and how soon it is closed after that. */
      exposure: z.strictObject({
        detect: duration('1 second', '1 day'),
        contain: duration('1 second', '1 day'),
        /** Where copies could be: swept for what looks like ours. Credentials are the operator's, in `places.json`. */
        places: z
          .array(
            z.strictObject({
              name: z.string().regex(/^[a-z0-9-]{1,64}$/, '1 to 64 characters of a-z, 0-9 and -'),
              /** `postgresql://host:port/database`, `s3://bucket/prefix` or `file:///folder`; without user and password. */
              at: z
                .string()
                .max(500)
                .regex(
                  /^(?:postgresql:\/\/[^\s/@]+\/[^\s@?]+|s3:\/\/[a-z0-9.-]+(?:\/[^\s]*)?|file:\/\/\/[^\0]*)$/,
                  PLACE_FORM,
                ),
            }),
          )
          .max(1_000)
          .refine((list) => isEachOnce(list.map((place) => place.name)), 'a place is listed twice'),
        /** Kinds of exposure that are graver or lighter here than by themselves. */
        severity: z.partialRecord(z.enum(EXPOSURE_KINDS), z.enum(SEVERITIES)),
        /** Kinds where a person is asked before everything locks. Empty: everything locks at once. */
        askFirst: z.array(z.enum(EXPOSURE_KINDS)),
        /** What intake does with sealed batches while locked: hold them unopened, or refuse, and devices hold them. */
        intake: z.enum(['quarantine', 'refuse']),
      }),
      /** How long the evidence of a safeguard's drill counts. */
      assurance: z.strictObject({ evidence: duration('1 hour', '90 days') }),
      /** Supporters from which a concern forces a review, then a pause; and how long the review may take. */
      concerns: z
        .strictObject({
          review: z.int().min(3).max(100_000),
          pause: z.int().min(4).max(100_000),
          reviewDeadline: duration('1 day', '60 days'),
        })
        .refine(({ review, pause }) => pause > review, { path: ['pause'], message: 'must be more than review' }),
      release: z.strictObject({
        /** Nothing is released about fewer distinct people than this. */
        k: z.int().min(3).max(1_000),
        segmentActionsMax: z.int().min(2).max(100),
        segmentsPerPersonMax: z.int().min(1).max(10_000),
        exportAllowed: z.boolean(),
        /** Nobody owns more than this share of any released segment type, counted over all releases. */
        shareMax: z.number().min(0.01).max(0.5),
        /** How long a segment type is: so many actions in a row, by kind, app and target. */
        typeActions: z.int().min(1).max(10),
        /** What the attackers that are trained on a candidate may reach. Chance counts as 1. */
        risk: z.strictObject({
          /** Finding the person behind one segment, and behind ten that were linked, in times chance. */
          singleMax: z.number().min(1).max(10),
          linkedMax: z.number().min(1).max(10),
          /** Telling whether two segments are one person's: area under the curve; 0.5 is guessing. */
          pairAucMax: z.number().min(0.5).max(0.9),
          /** Telling whether a person is in it: true positives at 0.1 % false ones. */
          membershipMax: z.number().min(0.001).max(0.1),
        }),
        /** How long lies between two releases at least; what changed meanwhile comes with the next one. */
        interval: duration('1 day', '365 days'),
      }),
      /** What code that comes to a release may use. Models stay with the release's audience unless trained within `epsilonMax`. */
      training: z.strictObject({
        /** The budget of differential privacy that each person has over all runs; 0: none may leave the audience. */
        epsilonMax: z.number().min(0).max(20),
        hoursMax: z.number().min(0.01).max(720),
        memoryGibMax: z.number().min(0.1).max(4_096),
        outputMibMax: z.number().min(0.01).max(102_400),
      }),
      /** Public keys of this installation: who signs leases, day keys, checkpoints and manifests. */
      keys: z.strictObject({
        issuer: publicKey,
        vault: publicKey,
        /** The second custodian's: what the vault holds opens with its share alone. */
        keeper: publicKey,
        ledger: publicKey,
        builder: publicKey,
        /** Signs nothing but its acknowledgement of a lockdown. */
        intake: publicKey,
        /** The two watchers, without whose sign of life nothing is captured. */
        sentinel: publicKey,
        scanner: publicKey,
        /** Where code comes to a release. */
        room: publicKey,
      }),
      /** Who cosigns the ledger's checkpoints, and how many of them it takes before anything that was logged happens. None if left out. */
      ledger: z
        .strictObject({
          witnesses: z
            .array(
              z.strictObject({
                /** Name of its key: a URL without its scheme, by convention. */
                name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}$/, 'a name such as union.example/witness'),
                /** Signs cosignatures and nothing else. */
                key: publicKey,
                /** Where it answers `/add-checkpoint`; left out, it polls the log itself or the installation knows it. */
                url: z
                  .url({ protocol: /^https?$/ })
                  .max(500)
                  .optional(),
              }),
            )
            .min(1)
            .max(32)
            .refine((list) => isEachOnce(list.map(({ name }) => name)), 'two witnesses share a name')
            .refine((list) => isEachOnce(list.map(({ key }) => key)), 'two witnesses share a key')
            .refine((list) => list.every(({ name }) => name !== 'none'), 'no witness can be called none'),
          quorum: z.int().min(1).max(32),
        })
        .refine(({ witnesses, quorum }) => quorum <= witnesses.length, {
          path: ['quorum'],
          message: 'more witnesses than there are',
        })
        .optional(),
      /** Builds that were reviewed. A device that declares another one gets no lease; a server that runs another one doesn't start. */
      builds: z.strictObject({ device: builds, server: builds }),
    })
    .refine(
      (charter) =>
        ![...charter.approvers, ...charter.quorum].some(({ key }) => Object.values(charter.keys).includes(key)),
      // Otherwise a process could approve in place of a person.
      { path: ['approvers'], message: 'an approver or one of the quorum holds a key of the installation' },
    )
    .refine(
      // A witness under a key of the installation would be the log that watches itself.
      ({ ledger, keys }) => ledger?.witnesses.every(({ key }) => !Object.values(keys).includes(key)) ?? true,
      { path: ['ledger', 'witnesses'], message: 'a witness holds a key of the installation' },
    )
    .refine(
      (charter) =>
        charter.quorum.every((one) =>
          charter.approvers.every(
            (other) =>
              (other.key === one.key) === (other.name === one.name) &&
              (other.key !== one.key || other.role === one.role),
          ),
        ),
      { path: ['quorum'], message: 'who is an approver too has the same name, role and key in both lists' },
    )
    .refine((charter) => !charter.forbiddenPurposes.includes(charter.purpose.term), {
      path: ['purpose', 'term'],
      message: 'this charter forbids it under forbiddenPurposes',
    })
}

/** What a person writes: durations as text. */
export const charterSchema = schemaWith(writtenDuration)
/** What a server sends: the parsed value, durations in milliseconds, held to the same bounds. */
export const sentCharterSchema = schemaWith(parsedDuration)

/** Deeply frozen; durations are milliseconds. */
export type Charter = DeepReadonly<z.infer<typeof charterSchema>>

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T

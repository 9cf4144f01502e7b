/**
 * The assurance case as OSCAL 1.2 assessment results (NIST), for the tools of auditors. Each drill is an observation of method TEST with
 * its signed evidence, each safeguard a finding about an objective of the same name.
 *
 * Ids are UUIDs made from names (RFC 9562, version 5), so that the same evidence has the same id in every export.
 */
import { createHash } from 'node:crypto'
import { type AssuranceCase, type CaseSafeguard, PROMISE_CLAIMS, STANDING_WORDS } from './case.ts'

const OSCAL_VERSION = '1.2.1'
/** Ours, for properties and ids. */
const NAMESPACE = 'https://fairtrace.example/ns/assurance'
/** UUID of URLs, RFC 9562 section 6.6. */
const URL_NAMESPACE = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex')

/** @returns the whole document, as JSON values */
export function assessmentResults(shown: AssuranceCase): Record<string, unknown> {
  const { programme, title, nowMs, safeguards } = shown
  const tested = safeguards.filter(({ newest }) => newest !== null)
  const times = tested.flatMap(({ newest }) => newest?.evidence.startedAtMs ?? [])
  const start = times.length === 0 ? nowMs : Math.min(...times)
  return {
    'assessment-results': {
      uuid: uuid(`${programme}/results/${nowMs}`),
      metadata: {
        title: `Drills of the safeguards of ${title}`,
        'last-modified': date(nowMs),
        version: date(nowMs),
        'oscal-version': OSCAL_VERSION,
      },
      // The plan is the catalogue of safeguards, which the case itself carries.
      'import-ap': { href: '#plan' },
      results: [
        {
          uuid: uuid(`${programme}/result/${nowMs}`),
          title: `Safeguards of ${programme}`,
          description:
            'Each safeguard was attacked on the running system by its drill. Drills prove the faults that they plant, and nothing else.',
          start: date(start),
          end: date(nowMs),
          'reviewed-controls': {
            'control-selections': [{ 'include-controls': safeguards.map(({ id }) => ({ 'control-id': id })) }],
          },
          ...(tested.length === 0 ? {} : { observations: tested.map((safeguard) => observation(safeguard, shown)) }),
          findings: safeguards.map((safeguard) => finding(safeguard, shown)),
        },
      ],
    },
  }
}

function observation({ id, drill, attack, newest }: CaseSafeguard, { programme, validMs }: AssuranceCase) {
  const evidence = newest?.evidence
  const endedAtMs = evidence?.endedAtMs ?? 0
  const figures = {
    'detect-ms': evidence?.detectMs,
    'contain-ms': evidence?.containMs,
    'ledger-entry': evidence?.drillEntry,
  }
  return {
    uuid: uuid(`${programme}/observation/${id}/${endedAtMs}`),
    title: drill,
    description: attack,
    props: [
      property('passed', String(evidence?.passed)),
      property('basis', evidence?.basis ?? ''),
      property('build', evidence?.build ?? ''),
      property('charter', evidence?.charter ?? ''),
      ...(typeof evidence?.twin === 'boolean' ? [property('went-red-without-safeguard', String(evidence.twin))] : []),
      ...Object.entries(figures).flatMap(([name, value]) =>
        typeof value === 'number' ? [property(name, String(value))] : [],
      ),
    ],
    methods: ['TEST'],
    types: ['control-objective'],
    'relevant-evidence': [
      { description: 'Signed by the issuer of the programme; compact JWS.', remarks: newest?.jws ?? '' },
    ],
    collected: date(endedAtMs),
    expires: date(endedAtMs + validMs),
  }
}

function finding({ id, statement, promise, owner, state, newest }: CaseSafeguard, { programme }: AssuranceCase) {
  return {
    uuid: uuid(`${programme}/finding/${id}`),
    title: statement,
    description: `${PROMISE_CLAIMS[promise] ?? ''} ${STANDING_WORDS[state]}.`,
    props: [property('promise', String(promise)), property('owner', owner), property('state', state)],
    target: {
      type: 'objective-id',
      'target-id': id,
      status: { state: state === 'fresh' ? 'satisfied' : 'not-satisfied', reason: state === 'fresh' ? 'pass' : 'fail' },
    },
    ...(newest === null
      ? {}
      : {
          'related-observations': [
            { 'observation-uuid': uuid(`${programme}/observation/${id}/${newest.evidence.endedAtMs}`) },
          ],
        }),
  }
}

function property(name: string, value: string) {
  return { name, ns: NAMESPACE, value }
}

function date(ms: number): string {
  return new Date(ms).toISOString()
}

function uuid(name: string): string {
  const bytes = createHash('sha1').update(URL_NAMESPACE).update(`${NAMESPACE}/${name}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/**
 * The Cedar schema: what there is to decide about. The same for every charter; `policies.ts` fills it.
 *
 * Nothing here is text that somebody could get into: schema, policies, entities and context are JSON from end to end.
 */
import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs'

const NAMESPACE = 'Fairtrace'

export const ACTIONS = ['open-recordings', 'open-release', 'request', 'approve', 'view-own', 'export-own'] as const
export type AccessAction = (typeof ACTIONS)[number]
type EntityType = 'Person' | 'Group' | 'Participant' | 'Programme' | 'Recordings' | 'Release' | 'Grant' | 'OwnData'

/** An entity as Cedar names it. */
export interface EntityUid {
  readonly type: string
  readonly id: string
}

export function entity(type: EntityType | 'Action', id: string): EntityUid {
  return { type: `${NAMESPACE}::${type}`, id }
}

const long = { type: 'Long' } as const
const text = { type: 'String' } as const
const bool = { type: 'Boolean' } as const
const of = (name: EntityType) => ({ type: 'Entity', name }) as const
const record = <T extends object>(attributes: T) => ({ type: 'Record', attributes }) as const

/** What the opening process knows itself (`nowMs`, `epoch`, `purpose`), and the grant as its signatures showed it. */
const opening = (resource: 'Recordings' | 'Release') =>
  record({
    nowMs: long,
    epoch: long,
    purpose: text,
    grant: record({
      requester: of('Person'),
      group: of('Group'),
      resource: of(resource),
      purpose: text,
      epoch: long,
      lengthMs: long,
      activeFromMs: long,
      endsAtMs: long,
      // Two named slots: a set of approvers could not say that they are two, nor of which roles.
      dataProtection: of('Person'),
      workerRepresentative: of('Person'),
    }),
  })

export const CEDAR_SCHEMA: SchemaJson<string> = {
  [NAMESPACE]: {
    entityTypes: {
      Group: {},
      Person: { memberOfTypes: ['Group'] },
      Participant: {},
      Programme: {},
      Recordings: { memberOfTypes: ['Programme'] },
      Release: { memberOfTypes: ['Programme'] },
      Grant: { memberOfTypes: ['Programme'], shape: record({ requester: of('Person') }) },
      OwnData: { memberOfTypes: ['Programme'], shape: record({ owner: of('Participant') }) },
    },
    actions: {
      'open-recordings': {
        appliesTo: { principalTypes: ['Person'], resourceTypes: ['Recordings'], context: opening('Recordings') },
      },
      'open-release': {
        appliesTo: { principalTypes: ['Person'], resourceTypes: ['Release'], context: opening('Release') },
      },
      request: {
        appliesTo: {
          principalTypes: ['Person'],
          resourceTypes: ['Recordings', 'Release'],
          context: record({ purpose: text, lengthMs: long, isRunning: bool }),
        },
      },
      approve: { appliesTo: { principalTypes: ['Person'], resourceTypes: ['Grant'], context: record({}) } },
      'view-own': {
        appliesTo: { principalTypes: ['Participant'], resourceTypes: ['OwnData'], context: record({ passkey: bool }) },
      },
      'export-own': {
        appliesTo: { principalTypes: ['Participant'], resourceTypes: ['OwnData'], context: record({ passkey: bool }) },
      },
    },
  },
}

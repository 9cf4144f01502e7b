/**
 * A charter → Cedar policies, as JSON. Generated each time, never edited: who changes who may read changes the charter.
 *
 * ```
 * open-recordings:<group>   a member with a live grant of theirs, of this epoch and purpose, approved by two others
 * open-release:<group>      the same for one release
 * request:<group>           a member asks, for the one purpose, no longer than the charter allows
 * approve:<name>            an approver, but never for a grant of their own
 * view-own, export-own      a participant, for their own data, with their own passkey; no grant, and no state of the programme
 * forbidden:<term>          no purpose that the charter forbids, whatever else permits it
 * ```
 */

import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { Charter } from '@fairtrace/core'
import { type AccessAction, type EntityUid, entity } from './cedar-schema.ts'

type Expression = { readonly [operator: string]: unknown }

const variable = (name: 'principal' | 'resource' | 'context'): Expression => ({ Var: name })
const value = (literal: string | number | boolean): Expression => ({ Value: literal })
const attribute = (left: Expression, ...path: readonly string[]): Expression =>
  path.reduce((inner, attr): Expression => ({ '.': { left: inner, attr } }), left)
const context = (...path: readonly string[]) => attribute(variable('context'), ...path)
const grant = (name: string) => context('grant', name)
const compare = (operator: '==' | '!=' | '<' | '<=', left: Expression, right: Expression): Expression => ({
  [operator]: { left, right },
})
const member = (uid: EntityUid): Expression => ({ Value: { __entity: uid } })

/** Every policy that this charter makes, under an id that says why it permits or forbids. */
export function accessPolicies(charter: Charter): Readonly<Record<string, PolicyJson>> {
  const programme = entity('Programme', charter.programme)
  const policies: [string, PolicyJson][] = [
    ...charter.audience.flatMap((audience) => [
      open('open-recordings', audience, charter, programme),
      open('open-release', audience, charter, programme),
      request(audience, charter, programme),
    ]),
    ...charter.approvers.map(({ name }) => approve(name, programme)),
    own('view-own', programme),
    own('export-own', programme),
    ...charter.forbiddenPurposes.map(forbidden),
  ]
  return Object.fromEntries(policies)
}

type Audience = Charter['audience'][number]

function open(
  action: 'open-recordings' | 'open-release',
  { group, grantMax }: Audience,
  charter: Charter,
  programme: EntityUid,
): [string, PolicyJson] {
  const principal = variable('principal')
  return [
    `${action}:${group}`,
    permit(action, { op: 'in', entity: entity('Group', group) }, programme, [
      compare('==', grant('requester'), principal),
      compare('==', grant('group'), member(entity('Group', group))),
      compare('==', grant('resource'), variable('resource')),
      compare('==', context('purpose'), value(charter.purpose.term)),
      compare('==', grant('purpose'), context('purpose')),
      compare('==', grant('epoch'), context('epoch')),
      compare('<=', grant('lengthMs'), value(grantMax)),
      compare('<=', grant('activeFromMs'), context('nowMs')),
      compare('<', context('nowMs'), grant('endsAtMs')),
      compare('!=', grant('dataProtection'), grant('workerRepresentative')),
      compare('!=', grant('dataProtection'), principal),
      compare('!=', grant('workerRepresentative'), principal),
    ]),
  ]
}

function request({ group, grantMax }: Audience, charter: Charter, programme: EntityUid): [string, PolicyJson] {
  return [
    `request:${group}`,
    permit('request', { op: 'in', entity: entity('Group', group) }, programme, [
      context('isRunning'),
      compare('==', context('purpose'), value(charter.purpose.term)),
      compare('<', value(0), context('lengthMs')),
      compare('<=', context('lengthMs'), value(grantMax)),
    ]),
  ]
}

function approve(name: string, programme: EntityUid): [string, PolicyJson] {
  return [
    `approve:${name}`,
    permit('approve', { op: '==', entity: entity('Person', name) }, programme, [
      compare('!=', attribute(variable('resource'), 'requester'), variable('principal')),
    ]),
  ]
}

function own(action: 'view-own' | 'export-own', programme: EntityUid): [string, PolicyJson] {
  return [
    action,
    permit(action, { op: 'All' }, programme, [
      compare('==', attribute(variable('resource'), 'owner'), variable('principal')),
      context('passkey'),
    ]),
  ]
}

/** Beats every permit. Only openings and requests have a purpose. */
function forbidden(term: string): [string, PolicyJson] {
  const actions = (['open-recordings', 'open-release', 'request'] as const).map((action) => entity('Action', action))
  return [
    `forbidden:${term}`,
    {
      effect: 'forbid',
      principal: { op: 'All' },
      action: { op: 'in', entities: actions },
      resource: { op: 'All' },
      conditions: [{ kind: 'when', body: compare('==', context('purpose'), value(term)) as never }],
    },
  ]
}

function permit(
  action: AccessAction,
  principal: PolicyJson['principal'],
  programme: EntityUid,
  conditions: readonly Expression[],
): PolicyJson {
  return {
    effect: 'permit',
    principal,
    action: { op: '==', entity: entity('Action', action) },
    resource: { op: 'in', entity: programme },
    conditions: conditions.map((body) => ({ kind: 'when', body: body as never })),
  }
}

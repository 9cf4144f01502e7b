/**
 * Who can read the database, as its catalogs say; and what keeps others out.
 *
 * What is expected is not written down a second time: it is what the same queries found in the database when our own schema had
 * just made it, before anybody else could sign in, under the sentinel's signature. Other roles that the cluster had then were never
 * declared. A superuser who changes a right can change the row too, but not sign it.
 */
import { canonicalJson, compareGuards, type Guard, printableName, type Reader } from '@fairtrace/core'
import type { ClientBase } from 'pg'
import { z } from 'zod'
import type { Finding } from '../../runtime/findings.ts'
import { DATABASE_ROLES, databaseRoleName } from '../../store/schema.ts'
import {
  CONNECTIONS_SQL,
  DEFAULT_RIGHTS_SQL,
  GUARDS_SQL,
  MEMBERSHIPS_SQL,
  RIGHTS_SQL,
  ROLES_SQL,
} from './database-catalog.ts'
import type { Observation } from './observation.ts'

/** What lets somebody in, as one row of the audience, and what the row is about. */
export interface DatabaseReader extends Reader {
  /** Of an exposure, if nobody declared it: `table vault.chunks`. */
  readonly subject: string
}

export interface DatabaseState {
  readonly readers: readonly DatabaseReader[]
  readonly guards: readonly Guard[]
}

const rights = z.array(
  z.object({
    kind: z.string(),
    place: z.string().nullable(),
    name: z.string(),
    part: z.string().nullable(),
    role: z.string().nullable(),
    public: z.boolean(),
    rights: z.array(z.string()),
    owner: z.boolean(),
  }),
)
const defaults = z.array(
  z.object({
    kind: z.string(),
    place: z.string().nullable(),
    maker: z.string(),
    role: z.string().nullable(),
    public: z.boolean(),
    rights: z.array(z.string()),
  }),
)
const roles = z.array(
  z.object({
    first: z.boolean(),
    role: z.string(),
    super: z.boolean(),
    bypass: z.boolean(),
    replication: z.boolean(),
    creates_roles: z.boolean(),
    creates_databases: z.boolean(),
    login: z.boolean(),
    inherit: z.boolean(),
    config: z.string().nullable(),
    unlimited: z.boolean(),
  }),
)
const memberships = z.array(z.object({ member: z.string(), role: z.string(), admin: z.boolean() }))
const guards = z.array(
  z.object({
    kind: z.string(),
    place: z.string().nullable(),
    name: z.string(),
    on_place: z.string().nullable(),
    on_name: z.string().nullable(),
    state: z.string().nullable(),
  }),
)
const connections = z.array(z.object({ role: z.string(), kind: z.string() }))

/** How the cluster's first superuser is called here, whatever its name: whoever runs the database. */
const OPERATOR = 'superuser of the database'

/**
 * Reads everything in one snapshot. The connection needs what `schema/sentinel.ts` grants, or more.
 * @throws whatever the database throws: then the surface is unread, which is a finding by itself
 */
export async function readDatabase(client: ClientBase): Promise<DatabaseState> {
  await client.query('begin isolation level repeatable read read only')
  try {
    return await observeDatabase(client)
  } finally {
    await client.query('rollback')
  }
}

/** As `readDatabase`, within a transaction that is open already. */
export async function observeDatabase(client: ClientBase): Promise<DatabaseState> {
  // So that every definition names its schemas, whatever the session's setting.
  await client.query(`set local search_path = ''`)
  const found = rights.parse((await client.query(RIGHTS_SQL)).rows)
  const roleRows = roles.parse((await client.query(ROLES_SQL)).rows)
  const readers = [
    ...found.map(readerOfRight),
    ...defaults.parse((await client.query(DEFAULT_RIGHTS_SQL)).rows).map(readerOfDefault),
    ...roleRows.flatMap(readersOfRole),
    ...memberships.parse((await client.query(MEMBERSHIPS_SQL)).rows).map(readerOfMembership),
    ...connections.parse((await client.query(CONNECTIONS_SQL)).rows).map((row) => readerOfConnection(row, roleRows)),
  ]
  const stated = guards.parse((await client.query(GUARDS_SQL)).rows).map(guardOf)
  return { readers, guards: [...stated, ...roleRows.map(guardOfRole)] }
}

/** What the schema itself made: the state of a database that nobody but its maker has touched, without the cluster's other roles. */
export function declaredDatabase(state: DatabaseState): DatabaseState {
  const own = new Set(['anybody', OPERATOR, ...DATABASE_ROLES.map((role) => `role ${databaseRoleName(role)}`)])
  const isOwn = (who: string) => own.has(who) || who.startsWith('role pg_')
  const isOwnGuard = ({ subject }: Guard) => !subject.startsWith('role ') || isOwn(subject)
  const connected = DATABASE_ROLES.map(
    (role): DatabaseReader => connectionReader(`role ${databaseRoleName(role)}`, 'client backend'),
  )
  return {
    readers: [
      ...state.readers.filter(({ who, through }) => isOwn(who) && through !== 'connected'),
      ...connected,
      connectionReader(OPERATOR, 'client backend'),
    ],
    guards: state.guards.filter(isOwnGuard),
  }
}

/** @param declared as it was signed */
export function judgeDatabase(declared: DatabaseState, observed: DatabaseState): Observation {
  const wanted = new Set(declared.readers.map(keyOf))
  const unexpected = observed.readers.filter((reader) => !wanted.has(keyOf(reader)))
  const bySubject = Map.groupBy(unexpected, ({ subject }) => subject)
  const readers = [...bySubject].map(
    ([subject, [first, ...more]]): Finding => ({
      kind: first?.through === 'connected' ? 'process-holds-more' : 'reader-unexpected',
      subject,
      detail: {
        who: first?.who ?? '',
        what: first?.what ?? '',
        through: first?.through ?? '',
        readers: more.length + 1,
      },
    }),
  )
  const changed = compareGuards(declared.guards, observed.guards).map(
    ({ subject, declared: was, observed: is }): Finding => ({
      kind: 'guard-changed',
      subject,
      detail: { change: was === null ? 'new' : is === null ? 'gone' : 'changed' },
    }),
  )
  return {
    declared: declared.readers,
    readers: observed.readers,
    findings: [...readers, ...changed],
    notShown: NOT_SHOWN,
  }
}

const NOT_SHOWN = [
  'Passwords of roles: a changed one looks like the old one.',
  'What a superuser reads: PostgreSQL keeps no account of reading.',
]

/** What is signed when the database is made. */
export function expectedBody(state: DatabaseState): string {
  const { readers, guards } = declaredDatabase(state)
  return canonicalJson({
    v: 1,
    readers: [...readers]
      .sort(byText(keyOf))
      .map(({ who, what, through, subject }) => ({ who, what, through, subject })),
    guards: [...guards].sort(byText(({ subject }) => subject)).map(({ subject, state }) => ({ subject, state })),
  })
}

const bodySchema = z.strictObject({
  v: z.literal(1),
  readers: z.array(z.strictObject({ who: z.string(), what: z.string(), through: z.string(), subject: z.string() })),
  guards: z.array(z.strictObject({ subject: z.string(), state: z.string() })),
})

export function parseExpected(body: string): DatabaseState {
  return bodySchema.parse(JSON.parse(body))
}

function readerOfRight(row: z.infer<typeof rights>[number]): DatabaseReader {
  const object = `${row.kind} ${nameOf(row.place, row.name)}`
  const part = row.part === null ? '' : ` (${printableName(row.part)})`
  return {
    who: whoOf(row),
    what: `${[...row.rights].sort().join(', ')} on ${object}${part}`,
    through: row.owner ? 'owner' : 'grant',
    subject: object,
  }
}

function readerOfDefault(row: z.infer<typeof defaults>[number]): DatabaseReader {
  const place = row.place === null ? 'every schema' : `schema ${printableName(row.place)}`
  const subject = `default privileges of ${printableName(row.maker)} in ${place}`
  return {
    who: whoOf(row),
    what: `${[...row.rights].sort().join(', ')} on future objects (${row.kind}) in ${place}`,
    through: 'default privileges',
    subject,
  }
}

function readersOfRole(row: z.infer<typeof roles>[number]): readonly DatabaseReader[] {
  const who = row.first ? OPERATOR : `role ${printableName(row.role)}`
  const reader = (what: string, through: string): DatabaseReader => ({ who, what, through, subject: who })
  return [
    ...(row.super ? [reader('everything in the database', 'superuser')] : []),
    ...(row.bypass && !row.first ? [reader('every row, past row-level security', 'bypassrls')] : []),
    ...(row.replication && !row.first ? [reader('everything, as a stream', 'replication')] : []),
    ...(row.creates_roles && !row.first ? [reader('whatever a role may, by making one', 'createrole')] : []),
    ...(row.login && !row.super ? [reader('sign in', 'login')] : []),
  ]
}

function readerOfMembership({ member, role, admin }: z.infer<typeof memberships>[number]): DatabaseReader {
  const who = `role ${printableName(member)}`
  return {
    who,
    what: `everything that role ${printableName(role)} may`,
    through: admin ? 'member with admin option' : 'member',
    subject: who,
  }
}

function readerOfConnection(
  { role, kind }: z.infer<typeof connections>[number],
  all: z.infer<typeof roles>,
): DatabaseReader {
  const isFirst = all.some((one) => one.first && one.role === role)
  return connectionReader(isFirst ? OPERATOR : `role ${printableName(role)}`, kind)
}

function connectionReader(who: string, kind: string): DatabaseReader {
  return {
    who,
    what: kind === 'walsender' ? 'everything, as a stream' : 'a connection',
    through: 'connected',
    subject: `connection of ${who}`,
  }
}

function guardOf(row: z.infer<typeof guards>[number]): Guard {
  const on = row.on_name === null ? '' : ` on ${nameOf(row.on_place, row.on_name)}`
  const name = ['functions', 'tables', 'pg_hba'].includes(row.kind) ? row.name : nameOf(row.place, row.name)
  return { subject: `${row.kind} ${name}${on}`, state: row.state ?? '' }
}

function guardOfRole(row: z.infer<typeof roles>[number]): Guard {
  const { first, role, ...attributes } = row
  return { subject: first ? OPERATOR : `role ${printableName(role)}`, state: canonicalJson(attributes) }
}

function whoOf(row: { readonly public: boolean; readonly role: string | null }): string {
  if (row.public) return 'anybody'
  // A right of a role that is gone is nobody's, and whoever gets its number next has it.
  return row.role === null ? 'role that is gone' : `role ${printableName(row.role)}`
}

function nameOf(place: string | null, name: string): string {
  const call = /^([^(]*)(\(.*\))$/s.exec(name)
  const own =
    call === null ? printableName(name) : `${printableName(call[1] ?? '')}${printableArguments(call[2] ?? '')}`
  return place === null ? own : `${printableName(place)}.${own}`
}

/** Types of arguments, as PostgreSQL prints them; an argument's name can be anything. */
function printableArguments(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : `(${printableName(text)})`
}

function keyOf({ who, what, through }: Reader): string {
  return JSON.stringify([who, what, through])
}

function byText<T>(text: (value: T) => string): (a: T, b: T) => number {
  return (a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0)
}

/** `fairtrace access`: who can read what, and grants. Approving needs a passkey, and so a browser; everything else works here. */
import process from 'node:process'
import { durationText } from '@fairtrace/core'
import { Command } from 'commander'
import { z } from 'zod'
import { type StaffPlace, staffSession } from '../access/staff-session.ts'
import { printJson, runCommand, wholeNumber } from '../terminal.ts'

interface Options extends StaffPlace {
  readonly json?: boolean
}
interface RequestOptions extends Options {
  readonly release?: string
  readonly name?: string
  readonly reason: string
  readonly hours: string
}

const HOUR_MS = 3_600_000
const reachSchema = z.object({
  reach: z.array(
    z.object({
      person: z.string(),
      resource: z.object({ kind: z.string(), release: z.string().optional() }),
      can: z.enum(['open', 'ask', 'approve']),
      policies: z.array(z.string()),
      grant: z.string().nullable(),
      untilMs: z.number().nullable(),
    }),
  ),
})
type Reach = z.infer<typeof reachSchema>['reach'][number]

const grantSchema = z.object({
  grant: z.object({
    id: z.string(),
    requester: z.object({ name: z.string(), group: z.string() }),
    reason: z.string(),
    lengthMs: z.number(),
  }),
  hash: z.string(),
  state: z.string(),
  approvals: z.array(z.object({ approver: z.string(), role: z.string() })),
  activation: z.object({ endsAtMs: z.number() }).nullable(),
})
type Shown = z.infer<typeof grantSchema>

const CAN_WORDS = { open: 'can open', ask: 'may ask for', approve: 'may approve access to' } as const

export function accessCommand(): Command {
  const command = new Command('access').description('Shows who can read what, and asks for access.')
  const add = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option('--data <dir>', 'data directory of a demonstration on this machine')
      .option('--server <url>', 'address of the portal')
      .option('--session <token>', 'session of somebody who is signed in there')
      .option('--json', 'print JSON')

  add('who', 'Says who can open, ask for or approve a resource, and by which policy.')
    .argument('<resource>', '`recordings`, or the id of a release')
    .action((resource: string, options: Options) =>
      runCommand(options, async () => {
        const portal = await staffSession(options, 'data-protection')
        const query = resource === 'recordings' ? '' : `?release=${encodeURIComponent(resource)}`
        tell(
          options,
          (await portal.get(`/api/access/who${query}`, reachSchema)).reach,
          'Nobody can do anything with it.',
        )
      }),
    )
  add('what', 'Says everything that a person can open, ask for or approve, and by which policy.')
    .argument('<person>', 'name as they sign in')
    .action((person: string, options: Options) =>
      runCommand(options, async () => {
        const portal = await staffSession(options, 'data-protection')
        const { reach } = await portal.get(`/api/access/what?person=${encodeURIComponent(person)}`, reachSchema)
        tell(options, reach, 'This person can do nothing.')
      }),
    )
  add('list', 'Lists grants, newest first, with where each stands.').action((options: Options) =>
    runCommand(options, async () => {
      const portal = await staffSession(options, 'data-protection')
      const { grants } = await portal.get('/api/grants', z.object({ grants: z.array(grantSchema) }))
      if (options.json) return printJson({ grants })
      for (const grant of grants) say(sentence(grant))
      if (grants.length === 0) say('Nobody has asked for access.')
    }),
  )
  add('request', 'Asks for access; two people then approve it in the portal with their passkeys.')
    .requiredOption('--reason <sentence>', 'why; approvers read it, and everybody whom it concerns')
    .requiredOption('--hours <hours>', 'for how long, counted from its activation')
    .option('--name <name>', 'name of the release to build from recordings')
    .option('--release <id>', 'a release to train on, in place of recordings')
    .action((options: RequestOptions) => runCommand(options, () => request(options)))
  add('end', 'Ends a grant now, for good.')
    .argument('<grant>', 'id of the grant')
    .action((id: string, options: Options) =>
      runCommand(options, async () => {
        const portal = await staffSession(options, 'data-protection')
        const ended = await portal.post(`/api/grants/${encodeURIComponent(id)}/end`, {}, grantSchema)
        if (options.json) return printJson(ended)
        say(sentence(ended))
      }),
    )
  return command
}

async function request({ release, name, reason, hours, ...options }: RequestOptions): Promise<void> {
  const portal = await staffSession(options, 'researcher')
  const scope =
    release === undefined ? { kind: 'recordings', releaseName: name ?? 'release' } : { kind: 'release', release }
  const lengthMs = wholeNumber('--hours', hours, 1, 2_160) * HOUR_MS
  const body = { scope, reason, lengthMs }
  const asked = await portal.post('/api/grants', body, grantSchema)
  if (options.json) return printJson(asked)
  say(sentence(asked))
  say('A data-protection officer and a worker representative approve it at the portal, on the page Access.')
}

function tell({ json }: Options, reach: readonly Reach[], nothing: string): void {
  if (json) {
    printJson({ reach })
    return
  }
  for (const { person, can, resource, policies, grant, untilMs } of reach) {
    const what = resource.kind === 'recordings' ? 'recordings' : `release ${resource.release}`
    const until = untilMs === null ? '' : ` until ${new Date(untilMs).toISOString()}`
    const under = grant === null ? '' : `, under grant ${grant}`
    say(`${person} ${CAN_WORDS[can]} ${what}${until} (${policies.join(', ')}${under}).`)
  }
  if (reach.length === 0) say(nothing)
}

function sentence({ grant, state, approvals, activation }: Shown): string {
  const approved = approvals.map(({ approver, role }) => `${approver} (${role})`).join(' and ')
  const by = approved === '' ? '' : `, approved by ${approved}`
  const until = activation === null ? '' : `, until ${new Date(activation.endsAtMs).toISOString()}`
  return `${grant.id}: ${grant.requester.name} of ${grant.requester.group}, for ${durationText(grant.lengthMs)}: ${state}${by}${until}. “${grant.reason}”`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

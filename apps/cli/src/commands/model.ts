import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { Command } from 'commander'
import { z } from 'zod'
import { staffSession } from '../access/staff-session.ts'
import { dataOption } from '../data-dir.ts'
import { runSchema, waitForRun } from '../room/wait-for-run.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options {
  readonly data: string
  readonly server?: string
  readonly session?: string
  readonly json?: boolean
}

const modelSchema = z.object({
  id: z.string(),
  release: z.string(),
  registeredAtMs: z.number(),
  state: z.string(),
  successor: z.string().nullable(),
  card: z.object({
    weights: z.string(),
    code: z.string(),
    command: z.array(z.string()),
    metrics: z.unknown(),
    epsilon: z.number().nullable(),
    delta: z.number().nullable(),
    audience: z.enum(['release', 'unbounded']),
    retrains: z.string().nullable(),
    shards: z.array(z.string()).nullable(),
  }),
})
const answerSchema = z.object({
  models: z.array(modelSchema),
  budget: z.object({ epsilonSpent: z.number(), deltaSpent: z.number(), epsilonMax: z.number() }),
})

/** `fairtrace model list|show|retrain|retire`. */
export function modelCommand(): Command {
  const command = new Command('model').description('Lists the models that left the training room, and what they cost.')
  const add = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .addOption(dataOption())
      .option('--server <url>', 'address of the portal, in place of a data directory here')
      .option('--session <token>', 'session of whoever is signed in there')
      .option('--json', 'print JSON')
  add('list', 'Lists models and the privacy budget.').action((options: Options) =>
    runCommand(options, async () => {
      const answer = await models(options)
      if (options.json) return printJson(answer)
      for (const model of answer.models) say(sentence(model))
      const { epsilonSpent, epsilonMax } = answer.budget
      say(`${answer.models.length} models; ε ${epsilonSpent} of ${epsilonMax} spent of each person.`)
    }),
  )
  add('show', 'Shows one model: release, code, parameters, budget, acceptance.')
    .argument('<model>', 'id of the model')
    .action((id: string, options: Options) =>
      runCommand(options, async () => {
        const model = (await models(options)).models.find((one) => one.id === id)
        if (model === undefined) throw new FairtraceError('NOT_FOUND', 'there is no such model')
        if (options.json) return printJson(model)
        say(sentence(model))
        say(JSON.stringify(model.card, null, 2))
      }),
    )
  add('retrain', 'Runs the same program on another release, so that its model takes the place of this one.')
    .argument('<model>', 'id of the model')
    .requiredOption('--grant <grant>', 'a live grant of yours for the other release')
    .requiredOption('--copies-destroyed', 'declare that no copy of the old model is left anywhere')
    .action((id: string, options: Options & { grant: string }) =>
      runCommand(options, async () => {
        const portal = await staffSession(options, 'researcher')
        const body = { grant: options.grant, copiesDestroyed: true }
        const { id: asked } = await portal.post(`${pathOf(id)}/retrain`, body, runSchema)
        const run = await waitForRun(portal, asked)
        if (options.json) return printJson(run)
        say(`${run.id} ${run.state}. Once data protection has approved it, ${id} is destroyed.`)
      }),
    )
  add('retire', 'Destroys a model for good.')
    .argument('<model>', 'id of the model')
    .requiredOption('--reason <reason>', 'why')
    .requiredOption('--copies-destroyed', 'declare that no copy of it is left anywhere')
    .action((id: string, options: Options & { reason: string }) =>
      runCommand(options, async () => {
        const portal = await staffSession(options, 'researcher')
        const body = { copiesDestroyed: true, reason: options.reason }
        await portal.post(`${pathOf(id)}/retire`, body, z.object({ model: z.string() }))
        if (options.json) return printJson({ model: id })
        say(`${id} is retired; its weights are destroyed here.`)
      }),
    )
  return command
}

const pathOf = (model: string): string => `/api/room/models/${encodeURIComponent(model)}`

async function models(options: Options) {
  const portal = await staffSession(options, 'researcher')
  return await portal.get('/api/room/models', answerSchema)
}

function sentence({ id, release, state, card }: z.infer<typeof modelSchema>): string {
  const budget = card.epsilon === null ? 'no budget' : `ε ${card.epsilon}, δ ${card.delta}`
  const audience = card.audience === 'release' ? "the release's audience alone" : 'not bound to the release’s audience'
  return `${id} ${state}, of release ${release}; ${budget}; ${audience}`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

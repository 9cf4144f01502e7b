/** Everything that can be asked of the agent, done on one device: by the daemon, or by a command while no daemon runs. */
import { type Clock, FairtraceError, type RecordingId } from '@fairtrace/core'
import { type Device, type DeviceAlert, type DeviceService, describeAction, describeState } from '@fairtrace/device'
import { AGENT_BUILD } from '../build.ts'
import type {
  AgentAnswers,
  Ask,
  ChoicesAnswer,
  JoinAnswer,
  ReviewAnswer,
  SelfAnswer,
  StatusAnswer,
} from '../control/answers.ts'
import type { AgentRequest } from '../control/request.ts'

export interface AgentParts {
  readonly device: Device
  readonly service: DeviceService
  readonly clock: Clock
  /** What only a running daemon can do; null where a command does the work itself. */
  readonly daemon: { openPage(): string; self(): SelfAnswer; stop(): void } | null
}

type Handlers = {
  readonly [Name in AgentRequest['ask']]: (
    request: Extract<AgentRequest, { readonly ask: Name }>,
  ) => Promise<AgentAnswers[Name]>
}

export class Agent {
  readonly #parts: AgentParts
  readonly #handlers: Handlers

  constructor(parts: AgentParts) {
    this.#parts = parts
    const { device, service } = parts
    this.#handlers = {
      status: () => this.status(),
      join: ({ portal, code }) => this.#join(portal, code),
      choices: () => this.#choices(),
      consent: (choice) => this.#consent(choice),
      task: async ({ task }) => {
        await device.chooseTask(task)
        await service.refresh()
        return { task }
      },
      'finish-task': async ({ outcome }) => {
        const recording = await device.finishTask(outcome)
        await service.refresh()
        return { recording }
      },
      pause: async () => {
        await service.pause()
        return this.status()
      },
      resume: async () => {
        await service.resume()
        return this.status()
      },
      withdraw: async () => ({ receipt: await service.withdraw() }),
      review: () => this.#review(),
      'delete-part': async ({ recording, from, to }) => {
        await device.outbox.deletePart(recording as RecordingId, from, to)
        // A full outbox may have room again.
        await service.refresh()
        return { done: true }
      },
      delete: async ({ recording }) => {
        await device.outbox.deleteRecording(recording as RecordingId)
        await service.refresh()
        return { done: true }
      },
      release: async ({ recordings }) => ({
        released: await device.releaseEarly(
          recordings === null ? undefined : recordings.map((id) => id as RecordingId),
        ),
      }),
      upload: async () => {
        const { sealed, uploaded, bytes, stopped, kept } = await device.upload()
        return { sealed, uploaded, bytes, stopped: stopped ?? kept[0]?.code ?? null }
      },
      open: async () => ({ url: this.#daemon().openPage() }),
      self: async () => this.#daemon().self(),
      stop: async () => {
        this.#daemon().stop()
        return { done: true }
      },
    }
  }

  readonly ask: Ask = (request) => {
    // One handler a name, each of the request of that name: what the table's own type says, and a lookup can't.
    const handler = this.#handlers[request.ask] as (asked: typeof request) => ReturnType<Ask>
    return handler(request) as ReturnType<Ask> as never
  }

  async status(): Promise<StatusAnswer> {
    const { device, service, clock, daemon } = this.#parts
    const waiting = await device.outbox.list()
    const { state } = service
    return {
      running: daemon !== null,
      state,
      says: daemon === null ? notRunning(device) : describeState(state, clock.nowMs()),
      portal: device.membership?.serverUrl ?? null,
      task: device.chosenTask?.task ?? null,
      waiting: {
        recordings: waiting.length,
        actions: waiting.reduce((sum, { actionCount }) => sum + actionCount, 0),
        sealedBatches: (await device.outbox.sealedIds()).length,
      },
      alerts: service.alerts.map(saysAlert),
    }
  }

  async #join(portal: string, code: string): Promise<JoinAnswer> {
    const { device, service } = this.#parts
    // Joining twice would leave the first membership without its session: it could not be withdrawn from here any more.
    if (device.membership !== null) throw new FairtraceError('USAGE', 'this device has joined a programme already')
    const { notice, reflectionEndsAtMs } = await device.join(portal, code)
    await service.refresh()
    return { notice, reflectionEndsAtMs }
  }

  async #choices(): Promise<ChoicesAnswer> {
    const { device, clock } = this.#parts
    const consent = await device.consentStatus()
    const { title, charter } = await device.programme()
    const last = consent.state === 'given' ? consent.history.findLast(({ state }) => state === 'given') : undefined
    return {
      title,
      notice: { version: charter.notice.version, text: charter.notice.text },
      reflectionEndsAtMs: consent.reflectionEndsAtMs,
      categories: charter.capture.categories,
      apps: charter.capture.apps.map(({ id, title: name }) => ({ id, title: name })),
      tasks: charter.capture.tasks,
      task: device.chosenTask?.task ?? null,
      consent,
      given: { categories: last?.categories ?? [], apps: last?.apps ?? [] },
      nowMs: clock.nowMs(),
    }
  }

  async #consent({
    noticeVersion,
    categories,
    apps,
    version,
  }: Extract<AgentRequest, { readonly ask: 'consent' }>): Promise<{ receipt: string }> {
    const { device, service } = this.#parts
    const receipt = await device.consent({ noticeVersion, categories, apps, version })
    const { membership } = device
    // Only now: before a yes there is nothing that an enrolled device could do.
    if (device.id === null && membership !== null) {
      await device.enrol(membership.serverUrl, membership.session, AGENT_BUILD)
    }
    await service.refresh()
    return { receipt }
  }

  async #review(): Promise<ReviewAnswer> {
    const { device, clock } = this.#parts
    const items = await device.review()
    return {
      recordings: await Promise.all(
        items.map(async ({ id, state, startedAtMs, endedAtMs, heldUntilMs, task, outcome }) => {
          const actions = await device.outbox.actions(id)
          const sentences = actions.map(describeAction)
          return { id, state, startedAtMs, endedAtMs, heldUntilMs, task, outcome, sentences, actions }
        }),
      ),
      sealedBatches: (await device.outbox.sealedIds()).length,
      breaks: await device.outbox.notes(),
      nowMs: clock.nowMs(),
    }
  }

  #daemon(): NonNullable<AgentParts['daemon']> {
    const { daemon } = this.#parts
    if (daemon === null) throw new FairtraceError('AGENT_NOT_RUNNING', 'the agent does not run')
    return daemon
  }
}

function notRunning(device: Device): string {
  return device.membership === null
    ? 'This computer has joined no programme. Nothing is recorded.'
    : 'The agent does not run. Nothing is recorded.'
}

function saysAlert(alert: DeviceAlert): string {
  const from = new Date(alert.worksFromMs).toISOString()
  return `A passkey was added to your sign-in and works from ${from} on. If it is not yours, remove it at your portal now.`
}

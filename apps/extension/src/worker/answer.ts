/** Answers the extension's pages: each request in the participant's name, on the one device that the worker holds. */
import { type Category, ERRORS, FairtraceError, isFairtraceError } from '@fairtrace/core'
import {
  type Device,
  type DeviceService,
  type DeviceStorage,
  describeState,
  drawRecording,
} from '@fairtrace/device/portable'
import { EXTENSION_BUILD } from '../build.ts'
import type { Look, Replies, Reply, Request, ReviewRecording, Terms } from './request.ts'
import { chooseApps, forgetApps, patternsOf, readChosenApps } from './sites.ts'

export interface Parts {
  readonly device: Device
  readonly storage: DeviceStorage
  readonly service: DeviceService
  /** The choice of sites changed. */
  onApps(): Promise<void>
}

export async function answer(parts: Parts, request: Request): Promise<Reply<Replies[Request['ask']]>> {
  try {
    return { ok: true, value: await work(parts, request) }
  } catch (cause) {
    const error = isFairtraceError(cause) ? cause : new FairtraceError('INTERNAL', 'the extension failed', { cause })
    const { advice } = ERRORS[error.code]
    return { ok: false, code: error.code, message: error.message, advice }
  }
}

async function work(parts: Parts, request: Request): Promise<Replies[Request['ask']]> {
  const { device, storage, service } = parts
  switch (request.ask) {
    case 'look':
      return look(parts)
    case 'join':
      await device.join(request.serverUrl, request.code)
      await service.refresh()
      return null
    case 'terms':
      return terms(parts)
    case 'consent':
      return consent(parts, request)
    case 'pause':
      await service.pause()
      return null
    case 'resume':
      await service.resume()
      return null
    case 'withdraw':
      try {
        await service.withdraw()
      } finally {
        // Given back also where the portal could not be told: nothing more is seen here.
        await forgetApps()
        await parts.onApps()
      }
      return null
    case 'review':
      return review(parts)
    case 'delete':
      await storage.deleteRecording(request.recording)
      // Room was made, perhaps.
      await service.refresh()
      return null
    case 'delete-part':
      await storage.deletePart(request.recording, request.from, request.to)
      return null
    case 'release':
      await device.releaseEarly([request.recording])
      return null
    case 'send': {
      const { uploaded, stopped, kept } = await device.upload()
      return { uploaded, stopped: stopped ?? kept[0]?.code ?? null }
    }
    case 'choose-task':
      await device.chooseTask(request.task)
      await service.refresh()
      return null
    case 'finish-task':
      await device.finishTask(request.outcome)
      await service.refresh()
      return null
  }
}

async function look({ device, storage, service }: Parts): Promise<Look> {
  const waiting = await storage.list()
  return {
    state: service.state,
    sentence: describeState(service.state, Date.now()),
    alerts: service.alerts,
    apps: [...(await readChosenApps())],
    waiting: {
      recordings: waiting.length,
      actions: waiting.reduce((sum, { actionCount }) => sum + actionCount, 0),
    },
    task: device.chosenTask?.task ?? null,
  }
}

async function terms({ device }: Parts): Promise<Terms> {
  const { membership } = device
  if (membership === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this browser has not joined a programme')
  const { charter, intake, title } = await device.programme()
  const status = await device.consentStatus()
  const given = status.state === 'given' ? status.history.filter(({ state }) => state === 'given').at(-1) : undefined
  const apps = charter.capture.apps.filter(({ id }) => id.startsWith('web:'))
  return {
    title,
    purpose: charter.purpose.sentence,
    notice: charter.notice,
    reflectionEndsAtMs: status.reflectionEndsAtMs,
    categories: charter.capture.categories,
    apps: apps.map(({ id, title }) => ({ id, title })),
    otherApps: charter.capture.apps.length - apps.length,
    tasks: charter.capture.tasks,
    servers: [membership.serverUrl, ...(intake === null ? [] : [intake])],
    chosen: given === undefined ? null : { categories: given.categories, apps: given.apps },
    reviewMs: charter.review,
  }
}

/** The pages asked the browser already, on the person's own click. */
async function consent(
  parts: Parts,
  choice: {
    readonly noticeVersion: number
    readonly categories: readonly Category[]
    readonly apps: readonly string[]
  },
): Promise<null> {
  const { device, service } = parts
  await device.consent(choice)
  if (device.id === null && device.membership !== null) {
    const { serverUrl, session } = device.membership
    await device.enrol(serverUrl, session, EXTENSION_BUILD)
  }
  await chooseApps(choice.apps.filter((app) => patternsOf([app]).length > 0))
  await parts.onApps()
  await service.refresh()
  return null
}

async function review({ device, storage }: Parts): Promise<readonly ReviewRecording[]> {
  const items = await device.review()
  return Promise.all(
    items.map(async ({ id, state, startedAtMs, heldUntilMs, task, sentences }) => ({
      id,
      state,
      startedAtMs,
      heldUntilMs,
      task,
      sentences,
      drawing: drawRecording(await storage.actions(id)),
    })),
  )
}

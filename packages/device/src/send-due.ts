/** What is due, sealed and sent: the last step on the device. */
import { type Action, FairtraceError } from '@fairtrace/core'
import { buildBatches } from './build-batches.ts'
import type { DeviceKey } from './device-key.ts'
import type { Outbox, WaitingRecording } from './outbox.ts'
import type { Programme } from './programme.ts'
import { type SealTo, sealEncodedBody } from './seal.ts'
import { type UploadOptions, type UploadReport, uploadSealed } from './upload.ts'

export interface SendDueOptions extends Omit<UploadOptions, 'intakeUrl' | 'outbox' | 'reseal'> {
  readonly outbox: Outbox
  readonly programme: () => Promise<Programme>
  /** Brings what is held under the terms of now; only asked where something is due. @returns actions that went */
  readonly narrow: () => Promise<number>
}

export interface SentReport extends UploadReport {
  /** Batches sealed in this call. */
  readonly sealed: number
  /** Actions that were held and that the terms of now no longer let out. */
  readonly narrowedAway: number
}

/** @throws `PROGRAMME_NOT_RUNNING`, `SERVER_UNREACHABLE`, `KEY_UNAVAILABLE`, and nothing has left the outbox */
export async function sendDue(options: SendDueOptions): Promise<SentReport> {
  const { outbox, deviceKey, clock } = options
  const programme = await options.programme()
  if (programme.state !== 'running') throw new FairtraceError('PROGRAMME_NOT_RUNNING', 'the programme does not run')
  const intakeUrl = programme.intake
  if (intakeUrl === null) throw new FairtraceError('SERVER_UNREACHABLE', 'the server has no intake now')
  const to = sealTo(programme, deviceKey, clock.nowMs())
  let narrowedAway = 0
  let sealed = 0
  if ((await outbox.due(clock.nowMs())).length > 0) narrowedAway = await options.narrow()
  for (const recording of await outbox.due(clock.nowMs())) {
    sealed += await sealRecording(outbox, recording, await outbox.actions(recording.id), to)
  }
  const sent = await uploadSealed({
    ...options,
    intakeUrl,
    reseal: async (body) => sealEncodedBody(body, sealTo(await options.programme(), deviceKey, clock.nowMs())),
  })
  return { ...sent, sealed, narrowedAway }
}

function sealRecording(
  outbox: Outbox,
  recording: WaitingRecording,
  actions: readonly Action[],
  to: SealTo,
): Promise<number> {
  const head = {
    recording: recording.id,
    task: recording.task,
    outcome: recording.outcome,
    lease: recording.lease,
    shield: recording.shield,
  }
  return outbox.seal(recording.id, async (firstSequence) => {
    const parts = await buildBatches(head, actions, firstSequence)
    return Promise.all(
      parts.map(async ({ bytes: body }) => {
        const { id, bytes } = await sealEncodedBody(body, to)
        return { id, bytes, body }
      }),
    )
  })
}

function sealTo(programme: Programme, deviceKey: DeviceKey, nowMs: number): SealTo {
  const { vaultKey } = programme
  if (vaultKey === null || !(vaultKey.opensAtMs <= nowMs && nowMs < vaultKey.closesAtMs)) {
    throw new FairtraceError('KEY_UNAVAILABLE', 'the vault has no key for now')
  }
  return { programme: programme.id, vaultKey, deviceKey }
}

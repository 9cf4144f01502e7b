/**
 * A honey participant's device: an ordinary one in all that the server sees. It draws its ids from the honey key instead of at random,
 * and what it puts into its outbox bears the key's mark.
 */
import type { Action, RecordingId } from '@fairtrace/core'
import type { Device, DeviceStorage, Fetch, OpenDeviceOptions } from '@fairtrace/device'
import { openDevice } from '@fairtrace/device'
import { HONEY_RECORDINGS_MAX, honeyId } from '@fairtrace/server/sentinel/honey/honey-ids'
import { SteeredActions } from './steered-actions.ts'

export interface HoneyPerson {
  readonly honeyKey: string
  /** Place in the list of honey participants, from 0. */
  readonly person: number
  /** Number of the recording that begins now, from 0: each once. */
  nextRecording(): number
}

export async function openHoneyDevice(
  folder: string,
  { honeyKey, person, nextRecording }: HoneyPerson,
  options: OpenDeviceOptions,
): Promise<Device> {
  let steered: SteeredActions | null = null
  const work = async (): Promise<SteeredActions> => {
    steered ??= new SteeredActions(honeyKey, 7_000_000 + person, (await device.programme()).charter)
    return steered
  }
  const device: Device = await openDevice(folder, {
    ...options,
    fetch: honeyFetch(honeyKey, person, options.fetch),
    between: (outbox) =>
      instead(outbox, {
        begin: async (start, first = []) => {
          const actions = await work()
          const id = honeyId(honeyKey, 'recording', person, nextRecording() % HONEY_RECORDINGS_MAX) as RecordingId
          return outbox.begin(
            start,
            first.length === 0 ? [] : [actions.begin(), ...drawn(actions, first.length - 1)],
            id,
          )
        },
        append: async (recording, more) => outbox.append(recording, drawn(await work(), more.length)),
      }),
  })
  return device
}

const drawn = (from: SteeredActions, count: number): Action[] => Array.from({ length: count }, () => from.next())

/** Puts honey ids where a device puts random ones. */
function honeyFetch(honeyKey: string, person: number, fetch: Fetch = globalThis.fetch): Fetch {
  return (input, init) => {
    const path = new URL(String(input)).pathname
    const kind = path === '/api/join' ? 'pseudonym' : path === '/api/devices' ? 'device' : null
    if (kind === null || typeof init?.body !== 'string') return fetch(input, init)
    return fetch(input, {
      ...init,
      body: JSON.stringify({ ...JSON.parse(init.body), [kind]: honeyId(honeyKey, kind, person) }),
    })
  }
}

/** The same outbox with two methods of its own; the others go where they went. */
function instead(outbox: DeviceStorage, own: Pick<DeviceStorage, 'begin' | 'append'>): DeviceStorage {
  return new Proxy(outbox, {
    get(target, name) {
      if (name === 'begin' || name === 'append') return own[name]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

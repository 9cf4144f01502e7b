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
  /** Recordings that this person made before. */
  readonly recordings: number
}

export async function openHoneyDevice(
  folder: string,
  { honeyKey, person, recordings }: HoneyPerson,
  apps: ReadonlySet<string>,
  options: OpenDeviceOptions,
): Promise<Device> {
  let steered: SteeredActions | null = null
  let number = recordings
  const actions = (): SteeredActions => {
    steered ??= new SteeredActions(honeyKey, 7_000_000 + person, apps)
    return steered
  }
  const drawn = (count: number): Action[] => Array.from({ length: count }, () => actions().next())
  return openDevice(folder, {
    ...options,
    fetch: honeyFetch(honeyKey, person, options.fetch),
    between: (outbox) =>
      instead(outbox, {
        begin: (start, first = []) => {
          const id = honeyId(honeyKey, 'recording', person, number++ % HONEY_RECORDINGS_MAX) as RecordingId
          const opening = first.length === 0 ? [] : [actions().begin(), ...drawn(first.length - 1)]
          return outbox.begin(start, opening, id)
        },
        append: (recording, more) => outbox.append(recording, drawn(more.length)),
      }),
  })
}

/** Puts honey ids where a device puts random ones. */
export function honeyFetch(honeyKey: string, person: number, fetch: Fetch = globalThis.fetch): Fetch {
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

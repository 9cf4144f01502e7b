/**
 * When the pointer comes to rest, without a word about its motion: an alarm of the server on the time for which it was idle.
 *
 * One event for each stop, so at most one in `REST_MS`; none while it moves, none while it lies still.
 */
import type { XConnection } from './connection.ts'

/** The pointer has come to rest when it was still for this long. */
const REST_MS = 150
const MASTER_POINTER_IDLE = 'DEVICEIDLETIME 2'
const ANY_DEVICE_IDLE = 'IDLETIME'
const ABSOLUTE = 0
const POSITIVE_TRANSITION = 0

export class PointerRest {
  readonly alarm: number

  private constructor(alarm: number) {
    this.alarm = alarm
  }

  /** @throws if the server counts no idle time */
  static async open(x: XConnection): Promise<PointerRest> {
    const sync = await x.extension('sync')
    const counters = await x.ask<readonly { readonly counter: number; readonly name: string }[]>((_client, callback) =>
      sync.ListSystemCounters(callback),
    )
    const named = (name: string) => counters.find((counter) => counter.name === name)
    const idle = named(MASTER_POINTER_IDLE) ?? named(ANY_DEVICE_IDLE)
    if (idle === undefined) throw new Error('the display counts no idle time')
    const alarm = x.client.AllocID()
    sync.CreateAlarm(alarm, {
      counter: idle.counter,
      valueType: ABSOLUTE,
      value: REST_MS,
      testType: POSITIVE_TRANSITION,
      delta: 0,
      events: 1,
    })
    return new PointerRest(alarm)
  }
}

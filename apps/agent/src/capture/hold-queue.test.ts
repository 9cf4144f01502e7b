import type { FieldKind, InputEvent, Modifier } from '@fairtrace/core'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Confirmation, FocusStay } from './focus-stay.ts'
import { HoldQueue, SETTLE_MS } from './hold-queue.ts'

const APP = 'desktop:orders'
const PLACE = { x: 1, y: 1, width: 100, height: 100 }

/** A clock that a test moves, and the timers on it. */
class TestTime {
  nowMs = 0
  readonly #timers = new Set<{ readonly atMs: number; readonly work: () => void }>()

  readonly setTimer = (work: () => void, ms: number) => {
    const timer = { atMs: this.nowMs + ms, work }
    this.#timers.add(timer)
    return { clear: () => void this.#timers.delete(timer) }
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > endMs) break
      this.#timers.delete(next)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.work()
      await settled()
    }
    this.nowMs = endMs
    await settled()
  }
}

/** Every promise that can go on has gone on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

let time: TestTime
let events: InputEvent[]
let queue: HoldQueue

beforeEach(() => {
  time = new TestTime()
  events = []
  queue = new HoldQueue({
    emit: (event) => events.push(event),
    wallMs: () => 1_000 + time.nowMs,
    nowMs: () => time.nowMs,
    setTimer: time.setTimer,
  })
})

const keys = () => events.flatMap((event) => (event.kind === 'key' && event.down ? [event.key] : []))
const fields = () => events.flatMap((event) => (event.kind === 'focus' ? [event.field] : []))
const press = (key: string, modifiers: readonly Modifier[] = []) => queue.key(key, time.nowMs, modifiers)

function aStay(field: FieldKind | null, confirm: () => Promise<Confirmation> = async () => 'ordinary', program = 'a') {
  const stay = new FocusStay(APP, program)
  if (field !== null) stay.resolve(field, confirm)
  return stay
}

describe('a queue that holds what is not certain', () => {
  it('drops a key while nobody knows where the focus is', async () => {
    press('a')
    await time.pass(5_000)
    expect(events).toEqual([])
  })

  it.each(['secure', 'unknown'] as const)('drops every key in a field that is %s', async (field) => {
    queue.enter(aStay(field))
    press('a')
    await time.pass(5_000)
    expect(events).toEqual([expect.objectContaining({ kind: 'focus', field })])
  })

  it('lets a key go on only after its program was asked about it, and asks once for many', async () => {
    let asked = 0
    queue.enter(
      aStay('text', async () => {
        asked++
        return 'ordinary'
      }),
    )
    for (const key of 'hello') {
      press(key)
      await time.pass(50)
    }
    expect(keys()).toEqual([])
    await time.pass(1_000)
    expect(keys().join('')).toBe('hello')
    // Twice, as the answer must stand.
    expect(asked).toBe(2)
  })

  it('does not ask before a program had the time to look at the key', async () => {
    const askedAtMs: number[] = []
    queue.enter(
      aStay('text', async () => {
        askedAtMs.push(time.nowMs)
        return 'ordinary'
      }),
    )
    press('a')
    await time.pass(400)
    press('b')
    await time.pass(3_000)
    // The first is too early for the second key, so that one takes two more.
    expect(askedAtMs).toHaveLength(3)
    expect(askedAtMs[1]).toBeGreaterThanOrEqual(400 + SETTLE_MS)
  })

  it('drops keys whose program says that the field has become a password’s', async () => {
    queue.enter(aStay('text', async () => 'doubtful'))
    press('a')
    await time.pass(3_000)
    expect(keys()).toEqual([])
  })

  it('drops keys whose program does not answer, or fails', async () => {
    queue.enter(aStay('text', () => Promise.reject(new Error('gone'))))
    press('a')
    await time.pass(3_000)
    expect(keys()).toEqual([])
  })

  it('asks again a program that was busy, and drops the keys if it never catches up', async () => {
    const answers: Confirmation[] = ['slow', 'ordinary', 'slow', 'ordinary', 'ordinary']
    queue.enter(aStay('text', async () => answers.shift() ?? 'slow'))
    press('a')
    await time.pass(3_000)
    expect(keys()).toEqual(['a'])
    press('b')
    await time.pass(10_000)
    expect(keys()).toEqual(['a'])
    expect(queue.held).toBe(0)
  })

  it('drops what its program may have put into the password field that it reports next', async () => {
    queue.enter(aStay('text'))
    press('a')
    await time.pass(100)
    const next = aStay(null)
    queue.enter(next)
    press('b')
    next.resolve('secure', async () => 'doubtful')
    queue.settled(next)
    press('c')
    await time.pass(5_000)
    expect(keys()).toEqual([])
    expect(fields()).toEqual(['text', 'secure'])
  })

  it('does not count an answer that was overtaken by a report still to be looked into', async () => {
    queue.enter(aStay('text'))
    press('a')
    const next = aStay(null)
    await time.pass(SETTLE_MS - 1)
    queue.enter(next)
    // The first stay answers that all is ordinary; what comes after it isn't known yet.
    await time.pass(600)
    expect(keys()).toEqual([])
    next.condemn()
    queue.settled(next)
    await time.pass(3_000)
    expect(keys()).toEqual([])
  })

  it('keeps keys of a window that another program’s password field follows: the display said whose they were', async () => {
    queue.enter(aStay('text'))
    press('a')
    queue.enter(null)
    const other = aStay(null, undefined, 'b')
    queue.enter(other)
    press('x')
    other.resolve('secure', async () => 'doubtful')
    queue.settled(other)
    await time.pass(3_000)
    expect(keys()).toEqual(['a'])
  })

  it('calls unknown what is not known in time', async () => {
    queue.enter(aStay(null))
    press('a')
    await time.pass(5_000)
    expect(keys()).toEqual([])
    expect(fields()).toEqual(['unknown'])
    expect(queue.held).toBe(0)
  })

  it('keeps the order of keys and clicks', async () => {
    queue.enter(aStay('text'))
    press('a')
    const slot = queue.pointer((place) => ({ kind: 'scroll', atMs: 0, dx: 0, dy: 1, place }))
    slot({ app: APP, place: PLACE })
    press('b')
    await time.pass(3_000)
    expect(events.map((event) => (event.kind === 'key' ? event.key : event.kind))).toEqual([
      'focus',
      'a',
      'a',
      'scroll',
      'b',
      'b',
    ])
  })

  it('says whose window a click was in before the click, and nothing of a click of nobody’s', async () => {
    queue.enter(aStay('none'))
    const make = (place: typeof PLACE): InputEvent => ({ kind: 'scroll', atMs: 0, dx: 0, dy: 1, place })
    queue.pointer(make)({ app: 'desktop:mail', place: PLACE })
    queue.pointer(make)({ app: 'desktop:', place: PLACE })
    queue.pointer(make)(null)
    await time.pass(10)
    expect(events.map((event) => (event.kind === 'focus' ? event.app : event.kind))).toEqual([
      APP,
      'desktop:mail',
      'scroll',
      'desktop:',
    ])
  })

  it('presses modifiers as the display says, also after keys that were dropped', async () => {
    queue.enter(aStay('none'))
    press('ctrl')
    press('c', ['ctrl'])
    queue.enter(aStay('secure'))
    press('x', ['ctrl'])
    queue.modifiers([], time.nowMs)
    queue.enter(aStay('none'))
    press('v', ['ctrl', 'shift'])
    await time.pass(5_000)
    const seen = events.flatMap((event) => (event.kind === 'key' ? [`${event.down ? '+' : '-'}${event.key}`] : []))
    // The same program showed a password field before it had answered: the first shortcut is dropped with it.
    expect(seen).toEqual(['+ctrl', '+shift', '+v', '-v'])
  })

  it('drops everything, with a gap, when more waits than a person can do', async () => {
    queue.enter(aStay('text', () => new Promise(() => undefined)))
    for (let i = 0; i < 5_000; i++) press('a')
    expect(events.filter(({ kind }) => kind === 'gap')).toHaveLength(1)
    expect(queue.held).toBeLessThan(4_096)
    expect(keys()).toEqual([])
  })

  it('emits nothing after it was cleared', async () => {
    queue.enter(aStay('text'))
    press('a')
    queue.clear()
    await time.pass(5_000)
    expect(keys()).toEqual([])
  })
})

describe('no key of a password', () => {
  /**
   * A program as toolkits are: one loop that takes keys and changes of focus in order, reports a change when it makes it, and
   * answers questions in between, and the questions first. It may be busy for a while, before any of it.
   */
  it('is ever passed on by a program that answers in order, however late', async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ is: fc.constant('type' as const), afterMs: fc.integer({ min: 0, max: 300 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          is: fc.constant('jump' as const),
          to: fc.constantFrom<FieldKind>('text', 'secure', 'none', 'unknown'),
          afterMs: fc.integer({ min: 0, max: 300 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ is: fc.constant('busy' as const), afterMs: fc.integer({ min: 0, max: 900 }) }),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 0, max: 40 }), async (steps, reportMs) => {
        const world = new TestTime()
        const out: InputEvent[] = []
        const held = new HoldQueue({
          emit: (event) => out.push(event),
          wallMs: () => 0,
          nowMs: () => world.nowMs,
          setTimer: world.setTimer,
        })
        let field: FieldKind = 'text'
        let busyUntilMs = 0
        /** When the program gets to do something: in the order of the calls. */
        const inTurn = (work: () => void, isQuestion = false) => {
          world.setTimer(work, Math.max(0, busyUntilMs - world.nowMs) + (isQuestion ? 0 : 5))
        }
        const confirmIn = (own: FieldKind) => (): Promise<Confirmation> => {
          const askedMs = world.nowMs
          return new Promise((resolve) => {
            inTurn(() => {
              const isLate = world.nowMs - askedMs > 100
              world.setTimer(() => resolve(own === 'secure' ? 'doubtful' : isLate ? 'slow' : 'ordinary'), reportMs)
            }, true)
          })
        }
        const report = (to: FieldKind) => {
          world.setTimer(() => {
            const stay = new FocusStay(APP, 'a')
            held.enter(stay)
            world.setTimer(() => {
              stay.resolve(to, confirmIn(to))
              held.settled(stay)
            }, reportMs)
          }, reportMs)
        }
        report('text')
        await world.pass(200)
        const secrets = new Set<string>()
        let next = 0x4e00
        for (const { is, afterMs, ...more } of steps) {
          await world.pass(afterMs)
          if (is === 'busy') busyUntilMs = Math.max(busyUntilMs, world.nowMs + afterMs)
          else if (is === 'type') {
            const key = String.fromCodePoint(next++)
            held.key(key, 0, [])
            inTurn(() => {
              if (field === 'secure' || field === 'unknown') secrets.add(key)
            })
          } else {
            const { to } = more as { to: FieldKind }
            inTurn(() => {
              field = to
              report(to)
            })
          }
        }
        await world.pass(20_000)
        const passed = out.flatMap((event) => (event.kind === 'key' ? [event.key] : []))
        expect(passed.filter((key) => secrets.has(key))).toEqual([])
        expect(held.held).toBe(0)
      }),
      { numRuns: 500 },
    )
  }, 120_000)
})

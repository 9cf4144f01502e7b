import { type Action, FairtraceError, type InputEvent, type Lease, type RecordingId } from '@fairtrace/core'
import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { CaptureSession } from './capture.ts'
import type { HeldLease } from './lease-client.ts'
import type { Programme } from './programme.ts'

const charter = aCharter()
const programme = { charter } as Programme
const place = { x: 10, y: 10, width: 100, height: 100 }

function aLease(overrides: Partial<Lease> = {}): Lease {
  return {
    programme: 'test-programme',
    epoch: 1,
    charter: 'c'.repeat(43),
    noticeVersion: 1,
    consentVersion: 1,
    pseudonym: 'p'.repeat(22),
    device: 'd'.repeat(22),
    deviceKey: 'k'.repeat(43),
    build: 'test-build',
    categories: ['pointer', 'keyboard', 'switches'],
    apps: ['desktop:orders', 'desktop:mail'],
    startsAtMs: 0,
    endsAtMs: 60_000,
    ...overrides,
  }
}

/** An outbox in memory that can be told to be full. */
class Recordings {
  readonly made: { lease: string; actions: Action[]; ended: boolean }[] = []
  readonly notes: string[] = []
  fullAfter = Number.POSITIVE_INFINITY

  async begin({ lease }: { lease: string }, actions: readonly Action[] = []): Promise<RecordingId> {
    if (actions.length > this.fullAfter) throw new FairtraceError('OUTBOX_FULL', 'full')
    this.made.push({ lease, actions: [...actions], ended: false })
    return String(this.made.length - 1) as RecordingId
  }
  async append(id: RecordingId, actions: readonly Action[]): Promise<void> {
    const recording = this.made[Number(id)]
    if ((recording?.actions.length ?? 0) + actions.length > this.fullAfter)
      throw new FairtraceError('OUTBOX_FULL', 'full')
    recording?.actions.push(...actions)
  }
  async end(id: RecordingId, _endedAtMs: number, why: string | null = null): Promise<void> {
    const recording = this.made[Number(id)]
    if (recording !== undefined) recording.ended = true
    if (why !== null) this.notes.push(why)
  }
  async note({ reason }: { reason: string }): Promise<void> {
    this.notes.push(reason)
  }
}

let recordings: Recordings
let held: HeldLease | null
let session: CaptureSession

beforeEach(() => {
  recordings = new Recordings()
  held = { lease: aLease(), jws: 'first', unbroken: 1, portalAheadMs: 0 }
  session = new CaptureSession({
    leases: { current: () => held, programme },
    outbox: recordings,
    clock: { nowMs: () => 1_000 },
    task: null,
  })
})

const focus = (app: string, field: 'text' | 'none' = 'none', atMs = 1_000): InputEvent => ({
  kind: 'focus',
  atMs,
  app,
  field,
})
const press = (atMs = 1_000): InputEvent[] => [
  { kind: 'key', atMs, key: 'enter', down: true },
  { kind: 'key', atMs, key: 'enter', down: false },
]
const click = (atMs = 1_000): InputEvent[] => [
  { kind: 'button', atMs, button: 'left', down: true, clicks: 1, place },
  { kind: 'button', atMs, button: 'left', down: false, clicks: 1, place },
]

async function feed(...events: InputEvent[]): Promise<void> {
  for (const event of events) await session.push(event)
}
const kinds = () =>
  recordings.made.map(({ actions }) => actions.map((action) => (action.kind === 'switch' ? action.app : action.kind)))

describe('CaptureSession', () => {
  it('captures nothing without a lease', async () => {
    held = null
    await feed(focus('desktop:orders'), ...click(), ...press())
    const report = await session.end()
    expect(recordings.made).toEqual([])
    expect(report.denied).toEqual({ 'no-lease': 5, 'lease-over': 0, category: 0, app: 0 })
  })

  it('captures nothing before a source has said which app has the focus', async () => {
    await feed(...click(), ...press())
    expect((await session.end()).denied.app).toBe(4)
    expect(recordings.made).toEqual([])
  })

  it('captures nothing in an app that the lease does not list, and goes on in one that it does', async () => {
    await feed(
      focus('desktop:orders'),
      ...click(),
      focus('desktop:bank'),
      ...click(),
      ...press(),
      focus('desktop:mail'),
      ...click(),
    )
    const report = await session.end()
    expect(kinds()).toEqual([['desktop:orders', 'click', 'desktop:mail', 'click']])
    expect(report.denied.app).toBe(5)
  })

  it('captures no category that the participant left out', async () => {
    held = { lease: aLease({ categories: ['keyboard', 'switches'] }), jws: 'first', unbroken: 1, portalAheadMs: 0 }
    await feed(focus('desktop:orders'), ...click(), ...press())
    const report = await session.end()
    expect(kinds()).toEqual([['desktop:orders', 'press']])
    expect(report.denied.category).toBe(2)
  })

  it('names no app to somebody who did not allow switches, though it still obeys the list of apps', async () => {
    held = { lease: aLease({ categories: ['pointer', 'keyboard'] }), jws: 'first', unbroken: 1, portalAheadMs: 0 }
    await feed(
      focus('desktop:orders'),
      ...click(),
      focus('desktop:bank'),
      ...click(),
      focus('desktop:mail'),
      ...press(),
    )
    await session.end()
    expect(kinds()).toEqual([['click', 'press']])
  })

  it('ends the recording when the lease ends, and captures nothing after it until the focus is stated anew', async () => {
    await feed(focus('desktop:orders'), ...click(), ...click(60_000))
    held = { lease: aLease({ startsAtMs: 60_000, endsAtMs: 120_000 }), jws: 'second', unbroken: 2, portalAheadMs: 0 }
    await feed(...click(61_000), focus('desktop:orders', 'none', 61_000), ...click(61_000))
    const report = await session.end()
    expect(recordings.made.map(({ lease, ended }) => [lease, ended])).toEqual([
      ['first', true],
      ['second', true],
    ])
    expect(kinds()).toEqual([
      ['desktop:orders', 'click'],
      ['desktop:orders', 'click'],
    ])
    expect(report.denied).toMatchObject({ 'lease-over': 2, app: 2 })
    expect(recordings.notes).toEqual(['lease-over'])
  })

  it('ends the recording where there was no lease for a while, even if nothing happened in it', async () => {
    await feed(focus('desktop:orders'), ...click())
    held = { lease: aLease({ startsAtMs: 500 }), jws: 'second', unbroken: 2, portalAheadMs: 0 }
    await feed(...click(), focus('desktop:orders'), ...click())
    const report = await session.end()
    expect(recordings.made.map(({ lease }) => lease)).toEqual(['first', 'second'])
    expect(report.denied.app).toBe(2)
  })

  it('goes on in the same recording when a lease is only renewed', async () => {
    await feed(focus('desktop:orders'), ...click())
    held = { lease: aLease({ startsAtMs: 500, endsAtMs: 90_000 }), jws: 'second', unbroken: 1, portalAheadMs: 0 }
    await feed(...press())
    await session.end()
    expect(kinds()).toEqual([['desktop:orders', 'click', 'press']])
    expect(recordings.made[0]?.lease).toBe('first')
  })

  it('begins another recording under a lease with other terms, and drops what it no longer allows', async () => {
    await feed(focus('desktop:orders'), ...click())
    held = {
      lease: aLease({ consentVersion: 2, categories: ['keyboard', 'switches'] }),
      jws: 'second',
      unbroken: 1,
      portalAheadMs: 0,
    }
    await feed(...click(), ...press())
    await session.end()
    expect(kinds()).toEqual([
      ['desktop:orders', 'click'],
      ['desktop:orders', 'press'],
    ])
  })

  it('ends the recording at a gap', async () => {
    await feed(focus('desktop:orders'), ...click(), { kind: 'gap', atMs: 1_000 }, ...click())
    await session.end()
    expect(kinds()).toEqual([['desktop:orders', 'click']])
    expect(recordings.notes).toEqual(['gap'])
  })

  it('stops and says so when the outbox is full, and keeps what it had', async () => {
    recordings.fullAfter = 40
    await feed(focus('desktop:orders'))
    for (let i = 0; i < 100; i++) await feed(...press())
    const report = await session.end()
    expect(report.stopped).toBe('OUTBOX_FULL')
    expect(recordings.made).toHaveLength(1)
    expect(recordings.made[0]).toMatchObject({ ended: true })
    expect(recordings.made[0]?.actions.length).toBe(report.actions.press + report.actions.switch)
    expect(recordings.notes).toEqual(['OUTBOX_FULL'])
  })

  it('takes a time that is no number as outside the lease', async () => {
    await feed(focus('desktop:orders', 'none', Number.NaN), ...click())
    await session.end()
    expect(recordings.made).toEqual([])
  })

  it('lets nothing out that the lease does not allow, whatever the events and the leases are', async () => {
    const apps = ['desktop:orders', 'desktop:mail', 'desktop:bank'] as const
    const atMs = fc.constantFrom(0, 1_000, 59_999, 60_000, -1, Number.NaN)
    const event = fc.oneof(
      fc.record({
        kind: fc.constant('focus'),
        atMs,
        app: fc.constantFrom(...apps),
        field: fc.constantFrom('text', 'none'),
      }),
      fc.record({
        kind: fc.constant('button'),
        atMs,
        button: fc.constant('left'),
        down: fc.boolean(),
        clicks: fc.constant(1),
        place: fc.constant(place),
      }),
      fc.record({ kind: fc.constant('key'), atMs, key: fc.constantFrom('enter', 'a', 'tab'), down: fc.boolean() }),
      fc.record({ kind: fc.constant('gap'), atMs }),
    ) as fc.Arbitrary<InputEvent>
    const lease = fc.option(
      fc.record({
        categories: fc.subarray(['pointer', 'keyboard', 'switches'] as const),
        apps: fc.subarray([...apps]),
        unbroken: fc.nat(2),
      }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(lease, fc.array(event, { maxLength: 12 })), { maxLength: 6 }),
        async (times) => {
          const outbox = new Recordings()
          let current: HeldLease | null = null
          const leases = { current: () => current, programme }
          const tried = new CaptureSession({ leases, outbox, clock: { nowMs: () => 1_000 }, task: null })
          for (const [allowed, events] of times) {
            current =
              allowed === null
                ? null
                : {
                    lease: aLease({ categories: [...allowed.categories], apps: [...allowed.apps] }),
                    jws: JSON.stringify(allowed),
                    unbroken: allowed.unbroken,
                    portalAheadMs: 0,
                  }
            for (const one of events) await tried.push(one)
          }
          await tried.end()
          for (const { lease: jws, actions, ended } of outbox.made) {
            expect(ended).toBe(true)
            const allowed: Lease = JSON.parse(jws)
            for (const action of actions) {
              expect(allowed.categories).toContain(CATEGORY[action.kind])
              // The bank is on no charter, so it leaves under no lease.
              if (action.kind === 'switch')
                expect(allowed.apps.filter((app) => app !== 'desktop:bank')).toContain(action.app)
            }
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

const CATEGORY = {
  hover: 'pointer',
  click: 'pointer',
  drag: 'pointer',
  scroll: 'pointer',
  press: 'keyboard',
  hotkey: 'keyboard',
  type: 'keyboard',
  switch: 'switches',
} as const

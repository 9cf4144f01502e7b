/**
 * From input events to recordings: asks for each event whether it may be captured, shields it, and appends what comes out.
 *
 * Fails closed everywhere: without a living lease, in an app that isn't allowed, after a full outbox, the event is dropped,
 * and only counts of it stay, on the device.
 */
import {
  type Action,
  type ActionKind,
  type AppId,
  type Category,
  type Clock,
  createShield,
  type DenyReason,
  DROP_REASONS,
  type DropReason,
  decideCapture,
  type ErrorCode,
  type InputEvent,
  isFairtraceError,
  type RecordingId,
  SHIELD_VERSION,
  type Shield,
  shieldSettings,
} from '@fairtrace/core'
import { type HeldLease, isSamePermission } from './lease-client.ts'
import type { Outbox } from './outbox.ts'
import type { Programme } from './programme.ts'

/** Actions that one write takes: a killed process loses fewer than these. */
const ACTIONS_PER_WRITE = 32

export interface CaptureOptions {
  readonly leases: { current(): HeldLease | null; readonly programme: Programme }
  readonly outbox: Pick<Outbox, 'begin' | 'append' | 'end' | 'note'>
  readonly clock: Clock
  /** The charter's task that the participant chose, or null for none. */
  readonly task: string | null
}

export interface CaptureReport {
  readonly inputEvents: number
  readonly recordings: number
  readonly actions: Readonly<Record<ActionKind, number>>
  /** Events that no lease allowed. */
  readonly denied: Readonly<Record<DenyReason, number>>
  /** What the shield let go. */
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Why capture ended by itself, or null. Events after that are in no other count. */
  readonly stopped: ErrorCode | null
}

type FocusEvent = Extract<InputEvent, { kind: 'focus' }>

/** One stretch under one permission: a shield of its own, so that nothing pending crosses a break. */
interface Stretch {
  /** The lease under which it began. */
  readonly held: HeldLease
  /** The newest lease that was found to be the same permission. */
  renewed: HeldLease
  readonly shield: Shield
  readonly startedAtMs: number
  readonly reviewMs: number
  readonly pending: Action[]
  /** Null until there is a first action to write. */
  recording: RecordingId | null
}

/** Calls must be awaited one after the other; the order of events is the order of actions. */
export class CaptureSession {
  readonly #options: CaptureOptions
  #stretch: Stretch | null = null
  #focus: FocusEvent | null = null
  #stopped: ErrorCode | null = null
  #lastNote: string | null = null
  #inputEvents = 0
  #unbroken: number | null = null
  #recordings = 0
  readonly #actions = { hover: 0, click: 0, drag: 0, scroll: 0, press: 0, hotkey: 0, type: 0, switch: 0 }
  readonly #denied = { 'no-lease': 0, 'lease-over': 0, category: 0, app: 0 }
  readonly #dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>

  constructor(options: CaptureOptions) {
    this.#options = options
  }

  get report(): CaptureReport {
    return {
      inputEvents: this.#inputEvents,
      recordings: this.#recordings,
      actions: { ...this.#actions },
      denied: { ...this.#denied },
      dropped: { ...this.#dropped },
      stopped: this.#stopped,
    }
  }

  /** What has the focus, where it is an app that may be captured. */
  get app(): AppId | null {
    return this.#focus?.app ?? null
  }

  /** Whether there is anything that `flush` would write. */
  get hasPending(): boolean {
    return (this.#stretch?.pending.length ?? 0) > 0
  }

  /** Takes one event. Never throws for what is captured or not; the report says. */
  async push(event: InputEvent): Promise<void> {
    this.#inputEvents++
    if (this.#stopped !== null) return
    const held = this.#options.leases.current()
    if (event.kind === 'gap') {
      await this.#break('gap')
      return
    }
    if (held !== null && held.unbroken !== this.#unbroken) {
      // There was no lease in between, even if no event fell into that time: what has the focus now is not known.
      if (this.#unbroken !== null) await this.#break('lease-over')
      this.#unbroken = held.unbroken
    }
    const decision = decideCapture(held?.lease ?? null, {
      atMs: event.atMs + (held?.portalAheadMs ?? 0),
      category: categoryOf(event),
      app: event.kind === 'focus' ? event.app : (this.#focus?.app ?? ''),
    })
    if (held === null || (!decision.allow && decision.reason === 'lease-over')) {
      this.#denied[held === null ? 'no-lease' : 'lease-over']++
      await this.#break('lease-over')
      return
    }
    if (this.#stretch !== null && this.#stretch.renewed !== held) await this.#takeRenewal(this.#stretch, held)
    if (event.kind === 'focus') {
      this.#takeFocus(event, held)
    } else if (decision.allow) {
      this.#feed(event, held)
    } else {
      this.#denied[decision.reason]++
    }
    await this.#flush(ACTIONS_PER_WRITE)
  }

  /** The lease is gone, whether or not an event comes: the recording ends here. */
  async lose(reason: string): Promise<void> {
    if (this.#stopped === null) await this.#break(reason)
  }

  /** Writes what is pending now. */
  async flush(): Promise<void> {
    await this.#flush(1)
  }

  /** The source ended: whatever is pending is written and the recording is held. */
  async end(): Promise<CaptureReport> {
    await this.#endStretch(null)
    this.#focus = null
    return this.report
  }

  /**
   * The focus decides what the events after it belong to, so the shield must hear of it also where `switches` may not
   * leave, and of an app that isn't allowed as the end of what came before.
   */
  #takeFocus(event: FocusEvent, held: HeldLease): void {
    const atMs = event.atMs + held.portalAheadMs
    const switches = decideCapture(held.lease, { atMs, category: 'switches', app: event.app })
    if (!switches.allow) this.#denied[switches.reason]++
    if (held.lease.apps.includes(event.app)) {
      this.#focus = event
      this.#feed(event, held)
    } else {
      this.#focus = null
      if (this.#stretch !== null) this.#collect(this.#stretch, { kind: 'gap', atMs: event.atMs })
    }
  }

  #feed(event: InputEvent, held: HeldLease): void {
    this.#stretch ??= this.#begin(held)
    this.#collect(this.#stretch, event)
  }

  #begin(held: HeldLease): Stretch {
    const { charter } = this.#options.leases.programme
    const settings = shieldSettings(charter)
    const apps = new Set([...settings.apps].filter((app) => held.lease.apps.includes(app)))
    this.#lastNote = null
    return {
      held,
      renewed: held,
      shield: createShield({ ...settings, apps }, (reason) => void this.#dropped[reason]++),
      startedAtMs: this.#options.clock.nowMs(),
      reviewMs: charter.review,
      pending: [],
      recording: null,
    }
  }

  #collect(stretch: Stretch, event: InputEvent | 'end'): void {
    const out: Action[] = []
    if (event === 'end') stretch.shield.end(out)
    else stretch.shield.push(event, out)
    const switchesAllowed = stretch.held.lease.categories.includes('switches')
    for (const action of out) if (switchesAllowed || action.kind !== 'switch') stretch.pending.push(action)
  }

  /**
   * A renewed lease goes on with the recording. One with other terms begins a new recording, in the same place, because the
   * source never lost sight.
   */
  async #takeRenewal(stretch: Stretch, held: HeldLease): Promise<void> {
    if (isSamePermission(stretch.held.lease, held.lease)) {
      stretch.renewed = held
      return
    }
    const focus = this.#focus
    await this.#endStretch(null)
    this.#focus = null
    if (focus !== null && this.#stopped === null) {
      this.#takeFocus({ ...focus, atMs: this.#options.clock.nowMs() }, held)
    }
  }

  /** Nothing is seen for a while. Where the focus is afterwards, only the source can say. */
  async #break(reason: string): Promise<void> {
    const isNoted = await this.#endStretch(reason)
    this.#focus = null
    if (!isNoted) await this.#note(reason)
  }

  /** @returns whether `why` was noted with the end of a recording */
  async #endStretch(why: string | null): Promise<boolean> {
    const stretch = this.#stretch
    if (stretch === null) return false
    this.#collect(stretch, 'end')
    await this.#flush(1)
    this.#stretch = null
    const { recording } = stretch
    if (recording === null) return false
    await this.#write(() => this.#options.outbox.end(recording, this.#options.clock.nowMs(), why))
    if (why !== null) this.#lastNote = why
    return why !== null
  }

  async #flush(atLeast: number): Promise<void> {
    const stretch = this.#stretch
    if (stretch === null || stretch.pending.length < atLeast) return
    const actions = stretch.pending.splice(0)
    await this.#write(async () => {
      if (stretch.recording === null) stretch.recording = await this.#beginRecording(stretch, actions)
      else await this.#options.outbox.append(stretch.recording, actions)
      for (const { kind } of actions) this.#actions[kind]++
    })
  }

  async #beginRecording(stretch: Stretch, actions: readonly Action[]): Promise<RecordingId> {
    const start = {
      lease: stretch.held.jws,
      task: this.#options.task,
      shield: SHIELD_VERSION,
      startedAtMs: stretch.startedAtMs,
      reviewMs: stretch.reviewMs,
    }
    const recording = await this.#options.outbox.begin(start, actions)
    this.#recordings++
    return recording
  }

  async #write(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (cause) {
      if (!isFairtraceError(cause)) throw cause
      // Fails closed and loudly: capture stops, what was written stays, and the report says why.
      if (this.#stopped !== null) return
      this.#stopped = cause.code
      await this.#break(cause.code)
    }
  }

  async #note(reason: string): Promise<void> {
    if (this.#lastNote === reason) return
    this.#lastNote = reason
    await this.#write(() => this.#options.outbox.note({ atMs: this.#options.clock.nowMs(), reason }))
  }
}

function categoryOf(event: Exclude<InputEvent, { kind: 'gap' }>): Category {
  switch (event.kind) {
    case 'move':
    case 'rest':
    case 'button':
    case 'scroll':
      return 'pointer'
    case 'key':
      return 'keyboard'
    case 'focus':
      return 'switches'
  }
}

/**
 * Cuts a recording into batch bodies, so that the envelopes are few bytes in all.
 *
 * An envelope has one of four sizes, so a body just above a class would pay for the next one, four times as large. Each
 * step therefore takes the class that costs the fewest bytes per action, and as many actions as fit into it.
 */
import {
  type Action,
  type AppId,
  BATCH_ACTIONS_MAX,
  BATCH_BODY_BYTES_MAX,
  BATCH_SIZES,
  type BatchBody,
  FairtraceError,
  plaintextBytes,
  SIGNATURE_BYTES,
} from '@fairtrace/core'
import { deflate } from './deflate.ts'

/** What all parts of one recording share. */
export type BatchHead = Pick<BatchBody, 'recording' | 'task' | 'outcome' | 'lease' | 'shield'>

export interface BuiltBody {
  readonly body: BatchBody
  /** Deflated JSON, as it is signed. */
  readonly bytes: Uint8Array
}

const utf8 = new TextEncoder()
/** `"FTB1"`, a length byte, a programme of at most 63 characters, a key id: every header fits, so the parts do. */
const HEADER_BYTES_MAX = 4 + 1 + 63 + 8

/**
 * One or more bodies with sequence numbers from `firstSequence`; their actions in order are `actions`, except that a part
 * that continues inside an app repeats the `switch` to it, so that every part says where it happens.
 * @throws `BATCH_TOO_LARGE` if a single action does not fit, which its schema rules out
 */
export async function buildBatches(
  head: BatchHead,
  actions: readonly Action[],
  firstSequence: number,
): Promise<readonly BuiltBody[]> {
  const built: BuiltBody[] = []
  let app: AppId | null = null
  for (let from = 0; from < actions.length; ) {
    const position = { sequence: firstSequence + built.length, part: built.length }
    const part = await bestPart(head, position, actions, from, app)
    built.push(part)
    for (; from < part.end; from++) {
      const action = actions[from]
      if (action?.kind === 'switch') app = action.app
    }
  }
  return built.map(({ body, bytes }) => ({ body, bytes }))
}

interface Position {
  readonly sequence: number
  readonly part: number
}
interface Part extends BuiltBody {
  /** Index after the last action of this part. */
  readonly end: number
}

async function bestPart(
  head: BatchHead,
  position: Position,
  actions: readonly Action[],
  from: number,
  app: AppId | null,
): Promise<Part> {
  const tryEnd = (end: number) => encodePart(head, position, actions, from, end, app)
  let best: { part: Part; cost: number } | null = null
  let counted = 0
  for (const size of BATCH_SIZES) {
    const room = plaintextBytes(size, HEADER_BYTES_MAX) - 4 - SIGNATURE_BYTES
    const part = await largestThatFits(room, from, actions.length, counted, tryEnd)
    if (part === null) continue
    counted = part.end - from
    const cost = size / counted
    if (best === null || cost < best.cost) best = { part, cost }
    if (part.end === actions.length) break
  }
  if (best === null) throw new FairtraceError('BATCH_TOO_LARGE', 'one action does not fit into a batch')
  return best.part
}

/**
 * The part with the most actions (within 1 %) that deflates into `room` bytes, or null if not even one does.
 * @param atLeast actions that are known to fit, because they fit into a smaller room
 */
async function largestThatFits(
  room: number,
  from: number,
  length: number,
  atLeast: number,
  encode: (end: number) => Promise<Part | null>,
): Promise<Part | null> {
  let low = from + atLeast
  let high = Math.min(length, from + BATCH_ACTIONS_MAX - 1) + 1
  let found: Part | null = null
  let guess = high - 1
  while (high - low > 1 && (found === null || high - low > (low - from) / 100)) {
    const part = await encode(guess)
    if (part !== null && part.bytes.length <= room) {
      found = part
      low = guess
    } else {
      high = guess
    }
    // Deflated size grows nearly in proportion to the actions: aim there, and halve where the aim leaves the interval.
    const aimed = part === null ? 0 : from + Math.floor(((guess - from) * room) / part.bytes.length)
    guess = low < aimed && aimed < high ? aimed : Math.floor((low + high) / 2)
    if (guess <= low) guess = low + 1
  }
  return found ?? (atLeast > 0 ? encode(from + atLeast) : null)
}

/** The part `[from, end)` encoded, or null if its JSON is more than the vault inflates. */
async function encodePart(
  head: BatchHead,
  position: Position,
  actions: readonly Action[],
  from: number,
  end: number,
  app: AppId | null,
): Promise<Part | null> {
  const slice = actions.slice(from, end)
  const resumed = app !== null && slice[0]?.kind !== 'switch'
  const body: BatchBody = {
    v: 1,
    sequence: position.sequence,
    recording: head.recording,
    part: position.part,
    last: end === actions.length,
    task: head.task,
    outcome: head.outcome,
    lease: head.lease,
    shield: head.shield,
    actions: resumed ? [{ kind: 'switch', app }, ...slice] : slice,
  }
  const json = utf8.encode(JSON.stringify(body))
  return json.length > BATCH_BODY_BYTES_MAX ? null : { body, bytes: await deflate(json), end }
}

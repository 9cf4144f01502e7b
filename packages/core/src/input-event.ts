/**
 * What an operating system, a page or a recording reports. Lives in memory only: it is never written, sent or logged.
 *
 * A source does three things that only it can do, and nothing else: it says which app and field have the focus, it
 * decides the system's own click count, and it says when the pointer came to *rest* on a target that it knows, after it was
 * moved there: content that passes under a pointer that lies still makes no rest, or reading pauses would show. After that
 * no time is needed, so the shield never reads a clock: `atMs` exists for the lease check (`decideCapture`) alone.
 */
export type MouseButton = 'left' | 'middle' | 'right'

/** An app as a charter lists it: `desktop:<name>` or `web:<origin>`; compared exactly. */
export type AppId = string

/** Pixels, x to the right and y down, from the top left of the window's content. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** A user-interface element as the accessibility tree names it; `label` is interface text, checked against the catalogue. */
export interface SeenTarget {
  readonly role: string
  readonly label?: string
  readonly box: Box
}

/** Where the pointer was: a point in a window of `width` × `height`, and the element under it where the source knows it. */
export interface Place {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly target?: SeenTarget
}

/** What has the keyboard focus. `secure` fields, and `unknown` ones, yield nothing at all. */
export type FieldKind = 'text' | 'search' | 'code' | 'none' | 'secure' | 'unknown'

export type InputEvent =
  | { readonly kind: 'move'; readonly atMs: number }
  | { readonly kind: 'rest'; readonly atMs: number; readonly place: Place }
  | {
      readonly kind: 'button'
      readonly atMs: number
      readonly button: MouseButton
      readonly down: boolean
      /** The system's own click count at this press, from 1; ignored on release. */
      readonly clicks: number
      readonly place: Place
    }
  /** Wheel notches; `dy` > 0 scrolls the content up (towards its start), `dx` > 0 to the right. */
  | { readonly kind: 'scroll'; readonly atMs: number; readonly dx: number; readonly dy: number; readonly place: Place }
  /** `key` is a `KeyName`, or the one character that the key types. */
  | { readonly kind: 'key'; readonly atMs: number; readonly key: string; readonly down: boolean }
  | { readonly kind: 'focus'; readonly atMs: number; readonly app: AppId; readonly field: FieldKind }
  /** The source lost sight (pause, no lease, a hole in a recording): whatever was pending ends here. */
  | { readonly kind: 'gap'; readonly atMs: number }

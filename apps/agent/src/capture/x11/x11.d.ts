/** What we use of the `x11` package, which brings no types of its own. */
declare module 'x11' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'

  export interface XError extends Error {
    readonly error: number
  }
  /** Returns true where it took the error; else the client emits it. */
  export type XCallback<T> = (error: XError | null | undefined, value: T) => boolean | undefined

  export interface XEvent {
    readonly name?: string
    readonly type: number
    readonly wid?: number
    readonly atom?: number
    readonly detail?: number
    readonly mode?: number
    readonly alarm?: number
    readonly mods?: number
    readonly group?: number
    readonly xkbType?: number
    readonly time?: number
    readonly evtype?: number
  }

  export interface XExtension {
    readonly majorOpcode: number
    readonly firstEvent: number
  }
  export interface XSync extends XExtension {
    ListSystemCounters(callback: XCallback<readonly { readonly counter: number; readonly name: string }[]>): void
    CreateAlarm(
      id: number,
      values: { counter: number; valueType: number; value: number; testType: number; delta: number; events: number },
    ): void
    DestroyAlarm(id: number): void
  }
  export interface XInput extends XExtension {
    readonly xi2: { readonly majorVersion: number; readonly minorVersion: number } | null
    readonly EventMask: Readonly<Record<string, number>>
    XISelectEvents(window: number, masks: { deviceId: number; mask: number }): void
  }
  export interface XKeyboard extends XExtension {
    SelectEvents(
      device: number,
      affect: number,
      clear: number,
      all: number,
      affectMap: number,
      map: number,
      details: { readonly stateNotify: readonly [number, number] },
    ): void
    GetState(device: number, callback: XCallback<{ readonly mods: number; readonly group: number }>): void
  }
  export interface XRandr extends XExtension {
    SelectInput(window: number, mask: number): void
  }
  export interface XTest extends XExtension {
    FakeInput(type: number, detail: number, delayMs: number, window: number, x: number, y: number): void
  }
  export interface XExtensions {
    readonly sync: XSync
    readonly xinput: XInput
    readonly xkb: XKeyboard
    readonly randr: XRandr
    readonly xtest: XTest
  }

  export interface XClient extends EventEmitter {
    seq_num: number
    readonly stream: Socket
    readonly pack_stream: { put(bytes: Buffer): void; submit(expectsReply?: boolean): void }
    readonly replies: Record<number, [(body: Buffer) => unknown, XCallback<never>]>
    readonly geEventParsers: Record<
      number,
      (type: number, seq: number, extra: number, code: number, raw: Buffer) => XEvent
    >
    AllocID(): number
    terminate(): void
    require<Name extends keyof XExtensions>(name: Name, callback: XCallback<XExtensions[Name]>): void
    GetProperty(
      del: 0 | 1,
      window: number,
      property: number,
      type: number,
      offset: number,
      length: number,
      callback: XCallback<{ readonly type: number; readonly data: Buffer }>,
    ): void
    GetSelectionOwner(selection: number, callback: XCallback<number>): void
    GetInputFocus(callback: XCallback<{ readonly focus: number }>): void
    GetGeometry(drawable: number, callback: XCallback<{ readonly width: number; readonly height: number }>): void
    GetWindowAttributes(
      window: number,
      callback: XCallback<{ readonly allEventMasks: number; readonly myEventMasks: number }>,
    ): void
    QueryTree(
      window: number,
      callback: XCallback<{ readonly root: number; readonly parent: number; readonly children: readonly number[] }>,
    ): void
    QueryPointer(
      window: number,
      callback: XCallback<{
        readonly child: number
        readonly rootX: number
        readonly rootY: number
        readonly childX: number
        readonly childY: number
      }>,
    ): void
    ChangeWindowAttributes(window: number, values: { eventMask: number }, callback: XCallback<undefined>): void
  }
  export interface XDisplay {
    readonly client: XClient
    readonly screen: readonly { readonly root: number }[]
  }
  export function createClient(
    options: { display?: string; shm: false; bufferRequests: boolean },
    callback: (error: Error | undefined, display: XDisplay) => void,
  ): XClient
}

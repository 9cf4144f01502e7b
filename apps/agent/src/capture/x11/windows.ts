/** Windows as their apps know them: the client window under a frame, its app, its process, its size. */
import type { AppId } from '@fairtrace/core'
import { appOf, UNLISTED_APP } from '../app-name.ts'
import type { XConnection } from './connection.ts'

/** Frames nest two or three deep; deeper is no window manager. */
const DEPTH_MAX = 6
const WINDOWS_MAX = 256

export interface AppWindow {
  readonly id: number
  readonly app: AppId
  /** The process that owns it, or null where it doesn't say. */
  readonly pid: number | null
}

export class Windows {
  readonly #x: XConnection
  /** By any window that was asked about: a frame, a client, a window inside. */
  readonly #known = new Map<number, AppWindow | null>()

  constructor(x: XConnection) {
    this.#x = x
  }

  /** Ids are used again: what is known ends when windows come or go. */
  forget(): void {
    this.#known.clear()
  }

  known(window: number): AppWindow | null | undefined {
    return this.#known.get(window)
  }

  /** The client window at or below `top`, a child of the root; null for a window of nobody's. */
  async below(top: number): Promise<AppWindow | null> {
    return this.#remember(top, await this.#findBelow(top, 0))
  }

  /** The client window that `inner` is, or lies in. */
  async above(inner: number): Promise<AppWindow | null> {
    let window = inner
    for (let depth = 0; depth < DEPTH_MAX && window !== 0 && window !== this.#x.root; depth++) {
      const described = await this.#describe(window)
      if (described !== null) return this.#remember(inner, described)
      const tree = await this.#tree(window)
      window = tree.parent
    }
    return this.#remember(inner, null)
  }

  async size(window: number): Promise<{ readonly width: number; readonly height: number }> {
    return this.#x.ask((client, callback) => client.GetGeometry(window, callback))
  }

  #remember(asked: number, found: AppWindow | null): AppWindow | null {
    if (this.#known.size >= WINDOWS_MAX) this.#known.clear()
    this.#known.set(asked, found)
    return found
  }

  async #findBelow(window: number, depth: number): Promise<AppWindow | null> {
    const described = await this.#describe(window)
    if (described !== null || depth >= DEPTH_MAX) return described
    const { children } = await this.#tree(window)
    // The topmost comes last.
    for (const child of children.toReversed()) {
      const found = await this.#findBelow(child, depth + 1)
      if (found !== null) return found
    }
    return null
  }

  #tree(window: number): Promise<{ readonly parent: number; readonly children: readonly number[] }> {
    return this.#x.ask((client, callback) => client.QueryTree(window, callback))
  }

  /** `WM_CLASS` is two strings, each ended by a zero: instance and class. */
  async #describe(window: number): Promise<AppWindow | null> {
    const wmClass = (await this.#x.property(window, 'WM_CLASS')).toString('latin1').split('\0')
    const name = wmClass[1] || wmClass[0]
    if (name === undefined || name === '') return null
    const pid = await this.#x.property(window, '_NET_WM_PID')
    // Either name of a browser makes it one.
    const isBrowser = wmClass.some((part) => part !== '' && appOf(part) === UNLISTED_APP)
    return {
      id: window,
      app: isBrowser ? UNLISTED_APP : appOf(name),
      pid: pid.length >= 4 ? pid.readUInt32LE(0) : null,
    }
  }
}

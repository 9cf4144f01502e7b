/** What we use of the hook library and of the window library, so that a test can stand in for them. */
export interface HookPointerEvent {
  readonly x: number
  readonly y: number
  /** 1 left, 2 right, 3 middle. */
  readonly button: unknown
  /** The system's own count. */
  readonly clicks: number
}
export interface HookWheelEvent {
  readonly x: number
  readonly y: number
  readonly rotation: number
  /** 3 vertical, 4 horizontal. */
  readonly direction: number
}

interface HookLibrary {
  on(event: 'mousedown' | 'mouseup', listener: (event: HookPointerEvent) => void): unknown
  on(event: 'wheel', listener: (event: HookWheelEvent) => void): unknown
  removeAllListeners(): unknown
  /** @throws where the system doesn't allow it */
  start(): void
  stop(): void
}

interface ActiveWindow {
  readonly info: { readonly execName: string; readonly name: string }
  readonly position: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
}

export interface WindowLibrary {
  activeWindowAsync(): Promise<ActiveWindow>
}

export interface HookLibraries {
  readonly hook: HookLibrary
  readonly windows: WindowLibrary
}

/** Both are optional: they bring binaries for each system. @throws where they aren't installed, or don't load */
export async function loadHookLibraries(): Promise<HookLibraries> {
  const { uIOhook } = await import('uiohook-napi')
  const { activeWindowAsync } = await import('@miniben90/x-win')
  return { hook: uIOhook, windows: { activeWindowAsync } }
}

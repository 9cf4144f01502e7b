/** What the indicator and the shortcut use of the `x11` package, beside what the capture uses. */
declare module 'x11' {
  interface XEvent {
    readonly keycode?: number
    readonly rawcode?: number
  }
  interface XClient {
    CreateWindow(
      id: number,
      parent: number,
      x: number,
      y: number,
      width: number,
      height: number,
      borderWidth: number,
      depth: number,
      windowClass: number,
      visual: number,
      values: { backgroundPixel: number; overrideRedirect: boolean; eventMask: number },
    ): void
    ChangeProperty(mode: 0, window: number, property: number, type: number, format: 8 | 32, data: Buffer | string): void
    MapWindow(window: number): void
    RaiseWindow(window: number): void
    DestroyWindow(window: number): void
    ClearArea(window: number, x: number, y: number, width: number, height: number, exposures: 0 | 1): void
    CreateGC(id: number, drawable: number, values: { foreground: number; background: number; font: number }): void
    ChangeGC(id: number, values: { foreground: number }): void
    OpenFont(id: number, name: string, callback: XCallback<undefined>): void
    PolyText8(drawable: number, gc: number, x: number, y: number, items: readonly string[]): void
    PolyFillRectangle(drawable: number, gc: number, rectangles: readonly number[]): void
    PolyFillArc(drawable: number, gc: number, arcs: readonly number[]): void
    GetKeyboardMapping(first: number, count: number, callback: XCallback<readonly (readonly number[])[]>): void
    GrabKey(
      window: number,
      ownerEvents: 0 | 1,
      modifiers: number,
      keycode: number,
      pointerMode: 0 | 1,
      keyboardMode: 0 | 1,
      callback: XCallback<undefined>,
    ): void
    readonly display: XDisplay & { readonly min_keycode: number; readonly max_keycode: number }
  }
  interface XDisplay {
    readonly min_keycode: number
    readonly max_keycode: number
  }
}

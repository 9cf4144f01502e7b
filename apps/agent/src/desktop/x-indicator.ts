/**
 * The indicator on an X server: a small window above all others at the lower right, under no window manager's control, so that
 * it can be neither covered nor put away. A click opens the review page, a right click pauses or resumes.
 */
import type { XEvent } from 'x11'
import type { XConnection } from '../capture/x11/connection.ts'
import type { IndicatorLook } from './indicator-look.ts'

const WIDTH = 176
const HEIGHT = 24
const MARGIN = 12
const BACKGROUND = 0x17211f
const INK = 0xf2f6f4
const EVENTS = { buttonPress: 1 << 2, exposure: 1 << 15, visibility: 1 << 16 }
const ATOM = { cardinal: 6, string: 31, wmClass: 67, wmName: 39 }
/** How soon it comes back on top of a window that covers it. */
const RAISE_MS = 250

export interface XIndicator {
  show(look: IndicatorLook): void
  close(): void
}

export async function openXIndicator(
  x: XConnection,
  actions: { readonly openPage: () => void; readonly togglePause: () => void },
): Promise<XIndicator> {
  const { client, root } = x
  const screen = await x.ask<{ readonly width: number; readonly height: number }>((c, done) =>
    c.GetGeometry(root, done),
  )
  const window = client.AllocID()
  const gc = client.AllocID()
  const font = client.AllocID()
  await x.ask<undefined>((c, done) => c.OpenFont(font, 'fixed', done))
  const values = {
    backgroundPixel: BACKGROUND,
    overrideRedirect: true,
    eventMask: EVENTS.buttonPress | EVENTS.exposure | EVENTS.visibility,
  }
  client.CreateWindow(
    window,
    root,
    screen.width - WIDTH - MARGIN,
    screen.height - HEIGHT - MARGIN,
    WIDTH,
    HEIGHT,
    0,
    0,
    1,
    0,
    values,
  )
  client.ChangeProperty(0, window, ATOM.wmClass, ATOM.string, 8, 'fairtrace-agent\0fairtrace-agent\0')
  client.CreateGC(gc, window, { foreground: INK, background: BACKGROUND, font })
  client.MapWindow(window)

  let look: IndicatorLook | null = null
  let raise: NodeJS.Timeout | null = null
  x.onEvent((event: XEvent) => {
    if (event.wid !== window) return
    if (event.name === 'Expose') draw()
    // After each change; the pause keeps two such windows from fighting for the top.
    if (event.name === 'VisibilityNotify' && raise === null) {
      raise = setTimeout(() => {
        raise = null
        if (x.isOpen) client.RaiseWindow(window)
      }, RAISE_MS)
      raise.unref()
    }
    if (event.name === 'ButtonPress' && event.keycode === 1) actions.openPage()
    if (event.name === 'ButtonPress' && event.keycode === 3) actions.togglePause()
  })

  function draw(): void {
    if (look === null) return
    client.ClearArea(window, 0, 0, 0, 0, 0)
    client.ChangeGC(gc, { foreground: look.colour })
    if (look.shape === 'bars') client.PolyFillRectangle(window, gc, [8, 6, 4, 12, 16, 6, 4, 12])
    else client.PolyFillArc(window, gc, [8, 6, 12, 12, 0, 360 * 64])
    if (look.shape === 'ring') {
      client.ChangeGC(gc, { foreground: BACKGROUND })
      client.PolyFillArc(window, gc, [11, 9, 6, 6, 0, 360 * 64])
    }
    client.ChangeGC(gc, { foreground: INK })
    client.PolyText8(window, gc, 28, 16, [`Fairtrace ${look.word}`])
  }

  return {
    show(next) {
      if (!x.isOpen) return
      look = next
      client.ChangeProperty(0, window, ATOM.wmName, ATOM.string, 8, `Fairtrace: ${next.word}`)
      draw()
    },
    close() {
      if (raise !== null) clearTimeout(raise)
      if (x.isOpen) client.DestroyWindow(window)
    },
  }
}

/** The source that fits this desktop. */
import process from 'node:process'
import type { InputSource } from '@fairtrace/device'
import { openHookSource } from './hooks/hook-source.ts'
import { RefusedSource } from './refused-source.ts'
import { X11Source } from './x11-source.ts'

/**
 * Chooses by platform: X11 with accessibility on Linux; the hook library on macOS and Windows. On Wayland no program may
 * see what another is given, and the little that XWayland shows would be a false picture: refused, with that reason.
 */
export async function openInputSource(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Promise<InputSource> {
  const clocks = { wallMs: () => Date.now(), nowMs: () => performance.now() }
  if (platform === 'darwin' || platform === 'win32') return openHookSource(platform, clocks)
  if (environment.XDG_SESSION_TYPE === 'wayland' || environment.WAYLAND_DISPLAY !== undefined) {
    return new RefusedSource('wayland')
  }
  return new X11Source({ display: environment.DISPLAY ?? ':0', ...clocks })
}

/**
 * Shows the review page in the person's browser without its token on a command line, which every account could read: the
 * browser is given a file that only its owner may read, and that leads on.
 */
import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { html } from '@fairtrace/core'

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['xdg-open'],
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** @returns false where there is no way to open a browser */
export function showInBrowser(url: string, sessionDir: string): boolean {
  const [command, ...args] = OPENERS[process.platform] ?? []
  if (command === undefined || (process.platform === 'linux' && !process.env.DISPLAY)) return false
  const file = join(sessionDir, 'open.html')
  writeFileSync(file, leadingOn(url), { mode: 0o600 })
  const opener = spawn(command, [...args, file], { detached: true, stdio: 'ignore' })
  // No browser came up, and nobody is to find the address later.
  opener.on('error', () => rmSync(file, { force: true }))
  opener.unref()
  // It stays until the next one takes its place or the session ends: its token works once, for two minutes.
  return true
}

function leadingOn(url: string): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${url}"><title>Fairtrace</title></head>
<body><p><a href="${url}">Your review page</a></p></body></html>`.text
}

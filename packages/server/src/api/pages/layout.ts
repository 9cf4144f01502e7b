/** The frame of every page: skip link, header, navigation by role, one main, footer. */

import { type Html, html } from '@fairtrace/core'
import type { SignedIn } from '../sessions.ts'
import { listWords, ROLE_WORDS } from './words.ts'

export interface Frame {
  readonly title: string
  readonly path: string
  readonly who: SignedIn | null
  /** Whether there is a sign-in to offer. */
  readonly hasSignIn: boolean
  readonly isDemonstration: boolean
  /** A page of ours to which the browser goes on by itself. */
  readonly continueTo?: string
}

/** Where a person begins. */
export function homeOf(who: SignedIn): string {
  if (who.kind === 'participant') return '/me'
  return who.roles.has('researcher') && who.roles.size === 1 ? '/releases' : '/programme'
}

const LINKS: Readonly<Record<string, string>> = {
  '/me': 'My part',
  '/programme': 'Programme',
  '/concerns': 'Concerns',
  '/access': 'Access',
  '/assurance': 'Safeguards',
  '/incidents': 'Incidents',
  '/releases': 'Releases',
  '/log': 'Ledger',
  '/security': 'Sign-in',
}

export function page(frame: Frame, content: Html): string {
  const { who, path } = frame
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">${frame.continueTo === undefined ? null : html`<meta http-equiv="refresh" content="0; url=${frame.continueTo}">`}
<title>${frame.title} – Fairtrace</title>
<link rel="icon" href="/assets/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/portal.css">
<script src="/assets/portal.js" defer></script>${frame.who === null ? null : html`<script src="/assets/passkeys.js" defer></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<div class="wide">
<a class="brand" href="/"><img src="/assets/mark.svg" alt="" width="28" height="28">Fairtrace</a>
<nav aria-label="Pages"><ul>${linksFor(who).map(
    (href) =>
      html`<li><a href="${href}" ${href === path ? html`aria-current="page"` : null}>${LINKS[href] ?? href}</a></li>`,
  )}</ul></nav>
<div class="who">${whoIsHere(frame)}</div>
</div>
${frame.isDemonstration ? html`<p class="note">This is a demonstration: the people in it are simulated.</p>` : null}
</header>
<main id="main" tabindex="-1">
${content}
</main>
<footer><div class="wide"><p>No request goes to anybody else from these pages, and no log says who opened them.</p></div></footer>
</body>
</html>`.text
}

function linksFor(who: SignedIn | null): readonly string[] {
  if (who === null) return ['/log']
  if (who.kind === 'participant') return ['/me', '/concerns', '/assurance', '/log', '/security']
  const isReader = [...who.roles].some((role) => role !== 'researcher')
  return [
    '/programme',
    '/concerns',
    '/access',
    '/assurance',
    ...(isReader ? ['/incidents'] : []),
    '/releases',
    '/log',
    '/security',
  ]
}

function whoIsHere({ who, hasSignIn, path }: Frame): Html | null {
  if (who !== null) {
    return html`<form method="post" action="/sign-out"><span>${who.name}, ${rolesOf(who)}</span>
<button class="quiet">Sign out</button></form>`
  }
  return hasSignIn && path !== '/sign-in' ? html`<a class="button" href="/sign-in">Sign in</a>` : null
}

function rolesOf(who: SignedIn): string {
  return who.kind === 'participant' ? ROLE_WORDS.participant : listWords([...who.roles].map((role) => ROLE_WORDS[role]))
}

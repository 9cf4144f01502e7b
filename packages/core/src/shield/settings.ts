/**
 * How much the shield lets through: derived from the charter, never written by hand a second time.
 *
 * Absence denies: an app that isn't in `apps` yields nothing, a label that isn't in its app's catalogue doesn't leave.
 */
import { ROLES, type Role } from '../action.ts'
import type { Charter } from '../charter/charter-schema.ts'
import type { AppId } from '../input-event.ts'

/** Raised whenever the same input could shield to other actions. A batch names the version that made it. */
export const SHIELD_VERSION = '2'

export interface ShieldSettings {
  /** `target`: role and box of the element; `cell`: only a cell of the 8 × 8 grid, also where the element is known. */
  readonly pointer: 'target' | 'cell'
  /** `kind` hides the length of a text run (it is always `KIND_ONLY_LENGTH`); `none` makes no keyboard action at all. */
  readonly keyboard: 'kind-and-length' | 'kind' | 'none'
  /** Interface labels that may leave, for each app; an app without an entry has none. */
  readonly labels: ReadonlyMap<AppId, ReadonlySet<string>>
  /** Roles that leave by name; every other one leaves as `other`. */
  readonly roles: ReadonlySet<Role>
  readonly apps: ReadonlySet<AppId>
}

/** The settings that a charter's levels, apps and catalogues give; a charter without the category `keyboard` has the level `none`. */
export function shieldSettings(charter: Charter): ShieldSettings {
  const labels = new Map<AppId, ReadonlySet<string>>()
  if (charter.shield.labels === 'catalogue') {
    for (const app of charter.capture.apps) labels.set(app.id, new Set(app.labels))
  }
  return {
    pointer: charter.shield.pointer,
    keyboard: charter.capture.categories.includes('keyboard') ? charter.shield.keyboard : 'none',
    labels,
    roles: new Set(charter.shield.roles),
    apps: new Set(charter.capture.apps.map((app) => app.id)),
  }
}

/** The design's default levels for `apps`: target and kind-and-length, every role, no labels. */
export function defaultShieldSettings(apps: Iterable<AppId>): ShieldSettings {
  return {
    pointer: 'target',
    keyboard: 'kind-and-length',
    labels: new Map(),
    roles: new Set(ROLES),
    apps: new Set(apps),
  }
}

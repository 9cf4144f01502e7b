/**
 * Whether an action holds no more than a charter lets out: the shield's output always does (a property test), and the
 * vault asks again about every action that it receives, because a device may be anything.
 */
import { type Action, MODIFIERS, SCHEMATIC, type Target } from '../action.ts'
import type { AppId } from '../input-event.ts'
import { KIND_ONLY_LENGTH } from './protect.ts'
import type { ShieldSettings } from './settings.ts'

/**
 * Why `action` goes beyond `settings`, or `null` if it conforms. The reason names no content.
 * @param action already parsed by `actionSchema`
 * @param app the app of the last `switch`, whose catalogue holds for labels; without it any listed catalogue does
 */
export function checkConformance(action: Action, settings: ShieldSettings, app?: AppId): string | null {
  switch (action.kind) {
    case 'hover':
    case 'click':
    case 'scroll':
      return checkTarget(action.target, settings, app)
    case 'drag':
      return checkTarget(action.from, settings, app) ?? checkTarget(action.to, settings, app)
    case 'switch':
      return settings.apps.has(action.app) ? null : 'the app is not listed'
    case 'press':
    case 'hotkey':
    case 'type':
      return settings.keyboard === 'none' ? 'a keyboard action at the level none' : checkKeys(action, settings)
  }
}

function checkTarget(target: Target, settings: ShieldSettings, app: AppId | undefined): string | null {
  if ('cell' in target) return null
  if (settings.pointer === 'cell') return 'a target at the level cell'
  const [x, y, width, height] = target.box
  if (x + width > SCHEMATIC.width || y + height > SCHEMATIC.height) return 'a box outside the schematic'
  if (target.role !== 'other' && !settings.roles.has(target.role)) return 'the role is not allowed'
  if (target.label === undefined) return null
  return isInCatalogue(target.label, settings, app) ? null : 'the label is in no catalogue'
}

function isInCatalogue(label: string, settings: ShieldSettings, app: AppId | undefined): boolean {
  if (app !== undefined) return settings.labels.get(app)?.has(label) === true
  return settings.labels.values().some((catalogue) => catalogue.has(label))
}

function checkKeys(
  action: Extract<Action, { kind: 'press' | 'hotkey' | 'type' }>,
  settings: ShieldSettings,
): string | null {
  switch (action.kind) {
    case 'press':
      return null
    case 'type':
      return settings.keyboard === 'kind' && action.length !== KIND_ONLY_LENGTH ? 'a length at the level kind' : null
    case 'hotkey':
      return checkChord(action.keys)
  }
}

/** Modifiers in order, each once, then one other key: anything else could spell a text. */
function checkChord(keys: readonly string[]): string | null {
  const order: readonly string[] = MODIFIERS
  const places = keys.map((key) => order.indexOf(key))
  const before = places.slice(0, -1)
  if (before.length === 0 || places.at(-1) !== -1) return 'a shortcut that does not end in one key'
  if (before.some((place, i) => place <= (before[i - 1] ?? -1))) return 'modifiers out of order'
  const types = before.length === 1 && keys[0] === 'shift' && (keys[1]?.length === 1 || isTyped(keys[1]))
  return types ? 'shift and a character are text' : null
}

function isTyped(key: string | undefined): boolean {
  return key === 'space' || key === 'symbol'
}

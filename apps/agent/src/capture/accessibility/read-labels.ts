/** Interface labels of a running app, for a person to review: what `fairtrace catalogue` begins with. */
import type { Role } from '@fairtrace/core'
import { appOf } from '../app-name.ts'
import { XConnection } from '../x11/connection.ts'
import { Windows } from '../x11/windows.ts'
import { AccessibilityBus, type Accessible } from './bus.ts'
import { LABELLED, roleOf } from './roles.ts'

const ELEMENTS_MAX = 20_000
const LABEL_MAX = 64

export interface InterfaceLabel {
  readonly role: Role
  readonly label: string
}

/**
 * Walks an app that runs here, opened with an empty account, and takes the names of its buttons, menus, tabs and the like,
 * each once, in order. Names of cells, documents and fields are content, and are never read.
 * @param appName as a charter has it (`desktop:orders` or `orders`), or as the app names itself on the accessibility bus
 * @throws if there is no accessibility bus; an app that isn't there has no labels
 */
export async function readInterfaceLabels(appName: string): Promise<readonly InterfaceLabel[]> {
  const wanted = appOf(appName.replace(/^desktop:/, ''))
  const bus = await AccessibilityBus.open()
  try {
    const pids = await processesOf(wanted)
    const labels = new Map<string, InterfaceLabel>()
    for (const program of await bus.programs()) {
      const [name, pid] = await Promise.all([bus.name(program), bus.pid(program.owner)]).catch(() => ['', -1] as const)
      if (appOf(name) === wanted || pids.has(pid)) await walk(bus, program, labels)
    }
    return [...labels.values()]
  } finally {
    await bus.close()
  }
}

/** By their windows' class: programs often name themselves otherwise on the accessibility bus. */
async function processesOf(app: string): Promise<ReadonlySet<number>> {
  const pids = new Set<number>()
  const display = process.env.DISPLAY
  if (display === undefined) return pids
  const x = await XConnection.open(display).catch(() => null)
  if (x === null) return pids
  try {
    const windows = new Windows(x)
    const list = await x.property(x.root, '_NET_CLIENT_LIST')
    for (let at = 0; at + 4 <= list.length; at += 4) {
      const window = await windows.above(list.readUInt32LE(at))
      if (window?.app === app && window.pid !== null) pids.add(window.pid)
    }
  } finally {
    x.close()
  }
  return pids
}

async function walk(bus: AccessibilityBus, root: Accessible, labels: Map<string, InterfaceLabel>): Promise<void> {
  const open: Accessible[] = [root]
  const seen = new Set<string>()
  for (let element = open.shift(); element !== undefined && seen.size < ELEMENTS_MAX; element = open.shift()) {
    const id = `${element.owner}${element.path}`
    if (seen.has(id)) continue
    seen.add(id)
    try {
      const role = roleOf(await bus.call<number>(element, 'Accessible', 'GetRole'))
      if (LABELLED.has(role)) {
        const label = (await bus.name(element)).trim()
        if (label !== '' && label.length <= LABEL_MAX) labels.set(`${role} ${label}`, { role, label })
      }
      open.unshift(...(await bus.children(element)))
    } catch {
      // An element that went away while it was asked about has no label any more.
    }
  }
}

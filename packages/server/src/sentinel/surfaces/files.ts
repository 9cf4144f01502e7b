/**
 * Who else on this machine can read what the installation keeps in files: keys, secrets, objects, releases, backups, logs.
 *
 * All of it is for one account of the operating system alone. So every entry has that owner, no right for group or others, no second
 * name, and no way out by a symbolic link. POSIX access lists are covered without reading them: where one gives anybody anything, its
 * mask shows as rights of the group. Modes and owners are looked at; no file is opened.
 */
import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setImmediate as giveWay } from 'node:timers/promises'
import { printableName, type Reader } from '@fairtrace/core'
import type { Finding } from '../../runtime/findings.ts'
import type { Observation } from './observation.ts'

export interface FileSettings {
  /** The data directory. */
  readonly root: string
  /** Who owns all of it; this process's own account where it is left out. */
  readonly ownerId?: number
}

/** PostgreSQL's own folder: it refuses to start unless it alone can enter, and its tens of thousands of files change all the time. */
const DATABASE_FOLDER = 'postgres'
/** Of that folder, what could lead out of it. */
const DATABASE_LINKS = ['postgres/pg_wal', 'postgres/pg_tblspc', 'postgres/base', 'postgres/global']
/** Findings that are named; more are counted. */
const NAMED_MAX = 100
/** Entries between two breaks, so that signs of life go out meanwhile. */
const STEP = 500
/** A file that is just being written may have two names for a moment. */
const SECOND_LOOK_MS = 1_500

interface Fault {
  readonly path: string
  readonly kind: 'reader-unexpected' | 'guard-changed'
  readonly who: string
  readonly what: string
  readonly through: string
}

/** @throws if the data directory itself can't be read */
export async function readFiles(settings: FileSettings): Promise<Observation> {
  let found = await walk(settings)
  if (found.faults.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, SECOND_LOOK_MS))
    const first = new Set(found.faults.map(faultKey))
    const again = await walk(settings)
    found = { ...again, faults: again.faults.filter((fault) => first.has(faultKey(fault))) }
  }
  const owner = ownerOf(settings)
  const declared = [...found.areas].sort().map(
    (area): Reader => ({
      who: `account ${owner}`,
      what: `read and change ${area}`,
      through: 'owner',
    }),
  )
  const named = found.faults.slice(0, NAMED_MAX)
  const readers = [
    ...declared,
    ...named.map(({ path, who, what, through }): Reader => ({ who, what: `${what} ${path}`, through })),
  ]
  return { declared, readers, findings: findingsOf(found.faults), notShown: NOT_SHOWN }
}

const NOT_SHOWN = [
  'Whoever is root on this machine reads every file, whatever its mode.',
  'Access lists of NFSv4 or of Windows, which do not show in the mode.',
  'The same bytes under another mount point or in a snapshot of the disk.',
]

function findingsOf(faults: readonly Fault[]): readonly Finding[] {
  const named = [...Map.groupBy(faults, ({ kind, path }) => `${kind} ${path}`).values()].flatMap(
    ([first]): Finding[] =>
      first === undefined
        ? []
        : [
            {
              kind: first.kind,
              subject: `file ${first.path}`,
              detail: { who: first.who, what: first.what, through: first.through },
            },
          ],
  )
  if (named.length <= NAMED_MAX) return named
  const rest: Finding = {
    kind: 'guard-changed',
    subject: 'file of many',
    detail: { change: 'more files than are named here', files: named.length },
  }
  return [...named.slice(0, NAMED_MAX), rest]
}

interface Walked {
  readonly faults: readonly Fault[]
  /** First parts of the paths: what there is. */
  readonly areas: ReadonlySet<string>
}

async function walk(settings: FileSettings): Promise<Walked> {
  const owner = ownerOf(settings)
  const faults: Fault[] = []
  const areas = new Set<string>()
  /** Files with several names, by device and number: names found here, and how many there are. */
  const linked = new Map<string, { readonly path: string; readonly names: number; found: number }>()
  const waiting: string[] = ['']
  let steps = 0
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const stats = statOf(settings.root, path)
    if (stats === null) continue
    const shown = path === '' ? '.' : printablePath(path)
    if (path !== '') areas.add(printableName(path.split('/')[0] ?? ''))
    faults.push(...faultsOf(stats, shown, owner))
    if (stats.isFile() && stats.nlink > 1) {
      const key = `${stats.dev}:${stats.ino}`
      const seen = linked.get(key)
      if (seen === undefined) linked.set(key, { path: shown, names: stats.nlink, found: 1 })
      else seen.found++
    }
    if (stats.isDirectory()) {
      if (path === DATABASE_FOLDER) waiting.push(...DATABASE_LINKS)
      else if (!DATABASE_LINKS.includes(path) || path.endsWith('pg_tblspc'))
        waiting.push(...childrenOf(settings.root, path, faults))
    }
    if (++steps % STEP === 0) await giveWay()
  }
  for (const { path, names, found } of linked.values()) {
    if (found < names)
      faults.push({
        path,
        kind: 'reader-unexpected',
        who: 'whoever has its other name',
        what: 'read',
        through: 'hard link',
      })
  }
  return { faults, areas }
}

function faultsOf(stats: Stats, path: string, owner: number): readonly Fault[] {
  if (stats.isSymbolicLink()) {
    return [
      {
        path,
        kind: 'guard-changed',
        who: 'whoever owns its target',
        what: 'decide what is read at',
        through: 'symbolic link',
      },
    ]
  }
  const faults: Fault[] = []
  const reader = (who: string, bits: number, through: string) =>
    faults.push({ path, kind: 'reader-unexpected', who, what: rightsText(bits, stats.isDirectory()), through })
  if (!stats.isFile() && !stats.isDirectory()) {
    faults.push({
      path,
      kind: 'guard-changed',
      who: 'whoever is at its other end',
      what: 'speak through',
      through: 'special file',
    })
  }
  if (process.platform === 'win32') return faults
  if (stats.uid !== owner) reader(`account ${stats.uid}`, 0o7, 'owner')
  const group = (stats.mode >> 3) & 0o7
  const others = stats.mode & 0o7
  if (group !== 0) reader(`group ${stats.gid}`, group, 'mode or access list')
  if (others !== 0) reader('anybody on this machine', others, 'mode')
  return faults
}

function rightsText(bits: number, isFolder: boolean): string {
  const words = [
    ...(bits & 0o4 ? [isFolder ? 'list' : 'read'] : []),
    ...(bits & 0o2 ? ['change'] : []),
    ...(bits & 0o1 ? [isFolder ? 'enter' : 'run'] : []),
  ]
  return words.join(', ')
}

/** Null for what went away meanwhile. The data directory itself may not. */
function statOf(root: string, path: string): Stats | null {
  try {
    return lstatSync(join(root, path))
  } catch (error) {
    if (path !== '' && error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

function childrenOf(root: string, path: string, faults: Fault[]): readonly string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(join(root, path), { withFileTypes: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    // Fails closed: what can't be listed can't be vouched for.
    const shown = path === '' ? '.' : printablePath(path)
    faults.push({
      path: shown,
      kind: 'guard-changed',
      who: 'unknown',
      what: 'unknown in',
      through: 'unreadable folder',
    })
    return []
  }
  return entries.map(({ name }) => (path === '' ? name : `${path}/${name}`))
}

/** Paths of ours are plain; any other is quoted. */
function printablePath(path: string): string {
  return /^[A-Za-z0-9._/-]+$/.test(path) ? path : printableName(path)
}

function ownerOf({ ownerId }: FileSettings): number {
  return ownerId ?? process.getuid?.() ?? 0
}

function faultKey(fault: Fault): string {
  return JSON.stringify([fault.path, fault.kind, fault.who, fault.what, fault.through])
}

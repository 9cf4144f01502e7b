/** Drills that expose something: planted, found, locked, stopped, mended, closed. */
import type { Attack } from './drill.ts'
import type { Ground } from './ground.ts'
import type { Undo } from './plants.ts'

export interface Plant {
  readonly undo: Undo
  plant(): Promise<void>
}

/** What somebody foresees to be found, as the catalogue states it. */
export type Subjects = readonly { readonly kind: string; readonly subject: string }[]

/** A statement as superuser, and the one that takes it back. */
export function statement({ sql }: Ground, text: string, back: string): Plant {
  return { undo: { kind: 'sql', statement: back, values: [] }, plant: async () => void (await sql.query(text)) }
}

export async function plantAll(ground: Ground, plants: readonly Plant[]): Promise<void> {
  for (const { undo, plant } of plants) {
    ground.plants.add(ground.run, undo)
    await plant()
  }
}

/** From planting to everything closed. What the figures say is the portal's to find out; here is whether it came that far. */
export async function exposeAndMend(
  ground: Ground,
  subjects: Subjects,
  plants: readonly Plant[],
  whileLocked: () => Promise<Attack> = async () => ({ held: true, why: 'found, locked, mended' }),
): Promise<Attack> {
  await ground.mark('planted')
  const sinceMs = Date.now()
  await plantAll(ground, plants)
  const found = await waitFound(ground, subjects, sinceMs)
  if (found < subjects.length) return { held: false, why: `${found} of ${subjects.length} were found` }
  if (!(await isLocked(ground))) return { held: false, why: 'found, and not locked' }
  const attack = await whileLocked()
  await ground.plants.removeAll(ground.run)
  await ground.mark('removed')
  if (!(await areClosed(ground, subjects))) return { held: false, why: 'removed, and not closed' }
  return attack
}

export async function waitFound(ground: Ground, subjects: Subjects, sinceMs: number): Promise<number> {
  let count = 0
  await ground.until(async () => {
    const { rows } = await ground.sql.query(
      `select count(*) from install.exposures e join jsonb_to_recordset($1::jsonb) as w(kind text, subject text)
         on e.kind = w.kind and e.subject = w.subject where e.state in ('open', 'contained') and e.found_at_ms >= $2`,
      [JSON.stringify(subjects), sinceMs - 1],
    )
    count = Number(rows[0]?.count)
    return count >= subjects.length ? true : null
  }, ground.detectMsMax)
  return count
}

export async function isLocked({ until, sql }: Ground): Promise<boolean> {
  const found = await until(async () => {
    const { rows } = await sql.query('select state from install.programme')
    return rows[0]?.state === 'locked' ? true : null
  })
  return found === true
}

export async function areClosed(ground: Ground, subjects: Subjects): Promise<boolean> {
  const closed = await ground.until(async () => {
    const { rows } = await ground.sql.query(
      `select count(*) from install.exposures e join jsonb_to_recordset($1::jsonb) as w(kind text, subject text)
         on e.kind = w.kind and e.subject = w.subject where e.state in ('open', 'contained')`,
      [JSON.stringify(subjects)],
    )
    return Number(rows[0]?.count) === 0 ? true : null
  }, ground.detectMsMax)
  return closed === true
}

/** Processes of the lockdown that runs that have said that they stopped, by role. */
export async function acknowledged({ sql }: Ground): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query(
    'select distinct role from install.acknowledgements where epoch >= (select epoch from install.programme)',
  )
  return new Set(rows.map(({ role }) => String(role)))
}

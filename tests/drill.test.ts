/** Every drill on a real embedded installation, as `fairtrace drill --all` runs them; and what an interrupted one leaves. */
import { chmodSync, statSync } from 'node:fs'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DRILLS } from '../apps/cli/src/drill/catalogue.ts'
import { openGround } from '../apps/cli/src/drill/ground.ts'
import { announced, newRun, runDrill } from '../apps/cli/src/drill/run.ts'
import { startThrowaway, type Throwaway } from '../apps/cli/src/drill/twins.ts'

let throwaway: Throwaway
const umask = process.umask(0o077)
beforeAll(async () => {
  throwaway = await startThrowaway()
})
afterAll(async () => {
  await throwaway?.stop()
  process.umask(umask)
})

describe('a drill', () => {
  it.each(DRILLS.map(({ id }) => id))('holds, and leaves nothing behind: %s', async (id) => {
    const result = await runDrill(throwaway.dir, announced(id), null)
    expect(result).toMatchObject({ id, passed: true })
    const ground = await openGround({ dir: throwaway.dir, run: newRun(), execArgv: [] })
    try {
      expect(ground.plants.list()).toEqual([])
      const { rows } = await ground.sql.query('select state from install.programme')
      expect(rows).toEqual([{ state: 'running' }])
    } finally {
      await ground.close()
    }
  })

  it('that was interrupted is cleared away from what was written down before it was planted', async () => {
    const ground = await openGround({ dir: throwaway.dir, run: newRun(), execArgv: [] })
    try {
      const path = throwaway.dir.path('demo')
      ground.plants.add(ground.run, { kind: 'mode', path, mode: 0o700 })
      chmodSync(path, 0o710)
      // Somebody else, later, with nothing but the list.
      expect(await ground.plants.removeAll()).toBe(1)
      expect(statSync(path).mode & 0o777).toBe(0o700)
      expect(ground.plants.list()).toEqual([])
    } finally {
      await ground.close()
    }
  })
})

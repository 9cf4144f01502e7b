import { writeFileSync } from 'node:fs'
import { honeyId } from '@fairtrace/server/sentinel/honey/honey-ids'
import type { Drill } from '../drill.ts'
import { exposeAndMend } from '../exposed.ts'
import { TOLD_NOBODY } from '../told-nobody.ts'

export const markedLog: Drill = {
  id: 'marked-log',
  attack: (ground) => {
    const { dir, run, sql } = ground
    const path = dir.path('logs', `drill-${run}.log`)
    const name = honeyId(dir.secrets('scanner').honeyKey ?? '', 'pseudonym', 0)
    const plant = async () => {
      writeFileSync(path, `{"level":"debug","person":"${name}"}\n`, { mode: 0o600 })
      // Somebody asks for a sweep; by itself it would come within its round.
      await sql.query('insert into scanner.requests (place) values (null)')
    }
    const subjects = [{ kind: 'marker-seen', subject: `place own-logs: drill-${run}.log` }]
    return exposeAndMend(ground, subjects, [{ undo: { kind: 'remove', path }, plant }])
  },
  without: { patches: TOLD_NOBODY, waits: true },
}

import type { Drill } from '../drill.ts'
import { areClosed, exposeAndMend, plantAll, statement } from '../exposed.ts'

const SUBJECTS = [{ kind: 'reader-unexpected', subject: 'table release.jobs' }]

export const fixUndone: Drill = {
  id: 'fix-undone',
  attack: (ground) => {
    const plant = statement(
      ground,
      'grant select on release.jobs to fairtrace_ledger',
      'revoke select on release.jobs from fairtrace_ledger',
    )
    return exposeAndMend(ground, SUBJECTS, [plant], async () => {
      await ground.plants.removeAll(ground.run)
      if (!(await areClosed(ground, SUBJECTS))) return { held: false, why: 'mended, and not closed' }
      await plantAll(ground, [plant])
      const reopened = await ground.until(async () => {
        const { rows } = await ground.sql.query(
          `select reopened from install.exposures where kind = $1 and subject = $2 and state in ('open', 'contained')
             and reopened > 0`,
          [SUBJECTS[0]?.kind, SUBJECTS[0]?.subject],
        )
        return rows[0] === undefined ? null : Number(rows[0].reopened)
      }, ground.detectMsMax)
      return {
        held: reopened !== null,
        why: reopened === null ? 'undone, and not reopened' : 'mended, undone, reopened',
      }
    })
  },
  without: {
    locks: true,
    // What was closed is forgotten: the same fault again is nothing that anybody had seen before.
    once: async ({ sql }) => {
      await sql.query(`create function install.forget() returns trigger language plpgsql as $$
        begin
          if new.reopened > old.reopened then return null; end if;
          return new;
        end $$`)
      await sql.query(
        'create trigger forget before update on install.exposures for each row execute function install.forget()',
      )
    },
  },
}

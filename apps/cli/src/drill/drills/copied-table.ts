import { copiedTable as tableOf } from '@fairtrace/server/assurance/safeguards/watched'
import { honeyId } from '@fairtrace/server/sentinel/honey/honey-ids'
import type { Drill } from '../drill.ts'
import { exposeAndMend } from '../exposed.ts'
import { TOLD_NOBODY } from '../told-nobody.ts'

export const copiedTable: Drill = {
  id: 'copied-table',
  attack: (ground) => {
    const { dir, run, sql } = ground
    const { schema, table } = tableOf(run)
    const person = honeyId(dir.secrets('scanner').honeyKey ?? '', 'pseudonym', 0)
    const plant = async () => {
      // Under other names, so that only whose rows they are gives it away. At once, so that nobody sees half of it.
      await sql.query(`begin;
        create schema ${schema};
        create table ${table} as select pseudonym as a, actions as b from vault.chunks;
        insert into ${table} values ('${person}', 1);
        grant usage on schema ${schema} to public;
        grant select on ${table} to public;
        insert into scanner.requests (place) values (null);
        commit`)
    }
    const subjects = [
      { kind: 'guard-changed', subject: `schema ${schema}` },
      { kind: 'reader-unexpected', subject: `schema ${schema}` },
      { kind: 'guard-changed', subject: `table ${table}` },
      { kind: 'reader-unexpected', subject: `table ${table}` },
      { kind: 'marker-seen', subject: `place own-database: ${table}` },
    ]
    const statement = `drop schema if exists ${schema} cascade`
    return exposeAndMend(ground, subjects, [{ undo: { kind: 'sql', statement, values: [] }, plant }])
  },
  without: { patches: TOLD_NOBODY, waits: true },
}

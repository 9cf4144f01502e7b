/** Tables of the scanner: how far each sweep is, what it saw, and questions about honey participants. */

export const scannerSql = `
create schema scanner;

-- One row a place: the sweep under way, and the last one that was complete.
create table scanner.sweeps (
  place text primary key,
  at text not null,
  number int not null default 1,
  state text not null default 'running' check (state in ('running', 'complete', 'unreachable')),
  started_at_ms bigint not null,
  ended_at_ms bigint,
  items bigint not null default 0,
  unchanged bigint not null default 0,
  bytes bigint not null default 0,
  -- {"reason": count}, with a few names of each under "named".
  skipped jsonb not null default '{}',
  -- The last complete one, in the same words.
  complete jsonb
);
-- One row an item of a place that holds a finding, was skipped, or need not be read again until its mark changes.
create table scanner.swept (
  place text not null,
  item text not null,
  mark text not null,
  number int not null,
  -- Of a file; its SHA-256 only where our ciphertext has such sizes.
  size bigint,
  digest text,
  skipped text,
  findings jsonb not null default '[]',
  primary key (place, item)
);
create index on scanner.swept (place) where findings <> '[]'::jsonb;
-- A sweep that somebody asked for now; of every place where place is null.
create table scanner.requests (
  id bigint generated always as identity primary key,
  place text
);
-- Which of these pseudonyms are honey? Answered by the scanner alone, sealed to the key of this one question.
create table scanner.honey_questions (
  id text primary key,
  asker text not null default current_user,
  reply_key text not null,
  pseudonyms jsonb not null,
  answer text
);
`

export const scannerGrantsSql = `
grant usage on schema scanner to fairtrace_scanner, fairtrace_portal, fairtrace_builder;
grant select, insert, update, delete on scanner.sweeps, scanner.swept, scanner.requests to fairtrace_scanner;
grant select on scanner.sweeps to fairtrace_portal;
grant select, insert (place) on scanner.requests to fairtrace_portal;
grant select, delete on scanner.honey_questions to fairtrace_scanner;
grant update (answer) on scanner.honey_questions to fairtrace_scanner;
grant select, delete on scanner.honey_questions to fairtrace_portal, fairtrace_builder;
grant insert (id, reply_key, pseudonyms) on scanner.honey_questions to fairtrace_portal, fairtrace_builder;
alter table scanner.honey_questions enable row level security;
create policy own on scanner.honey_questions using (asker = current_user) with check (asker = current_user);
create policy answers on scanner.honey_questions to fairtrace_scanner using (true) with check (true);
-- What our ciphertext looks like from outside: names, sizes and digests.
grant usage on schema vault to fairtrace_scanner;
grant select (id, bytes, sha256) on vault.segments to fairtrace_scanner;
grant select (batch_id) on vault.chunks to fairtrace_scanner;
-- Which tables there are, and whether one was made anew; not how many rows.
grant select (oid, relname, relnamespace, relkind, relfilenode) on pg_catalog.pg_class to fairtrace_scanner;
`

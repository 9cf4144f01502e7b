/**
 * The database schema, as SQL, with one database role per process and only the rights that it needs.
 *
 * What is *not* here matters: no table holds when a lease was renewed or when a batch arrived (it would be a timesheet), none
 * links a person's sign-in to a pseudonym outside `consent`, and none holds a private key.
 */

/** Database roles; each process signs in as exactly one. */
export const DATABASE_ROLES = ['portal', 'intake', 'vault', 'ledger', 'builder'] as const
export type DatabaseRole = (typeof DATABASE_ROLES)[number]

export const databaseRoleName = (role: DatabaseRole): string => `fairtrace_${role}`

/** Raised with every change of `schemaSql`; a data directory with a higher one is refused (`DATA_NEWER`). */
export const SCHEMA_VERSION = 2

export const schemaSql = `
create schema install;
create schema consent;
create schema inbox;
create schema vault;
create schema ledger;
create schema release;

create table install.installation (
  only_one boolean primary key default true check (only_one),
  kind text not null check (kind in ('demonstration', 'production')),
  schema_version int not null
);

-- Every charter that was ever in force: people keep the terms that they consented to until they consent again. Derived ones are
-- such terms, narrowed by what came in force since; nobody proposed them and nobody can consent to them.
create table install.charters (
  hash text primary key,
  programme text not null,
  version int not null,
  yaml text not null,
  derived boolean not null default false
);
create unique index on install.charters (programme, version) where not derived;

create table install.programme (
  id text primary key,
  state text not null check (state in ('draft', 'approved', 'running', 'paused', 'closed')),
  epoch int not null check (epoch >= 0),
  charter_hash text not null,
  charter_yaml text not null
);

-- Who takes part: only the portal's process can read this schema.
create table consent.invitations (
  code_hash text primary key,
  used boolean not null default false
);
create table consent.people (
  pseudonym text primary key,
  session_hash text not null unique,
  invited_at_ms bigint not null,
  notice_version int not null
);
create table consent.events (
  pseudonym text not null references consent.people,
  version int not null check (version >= 1),
  at_ms bigint not null,
  event jsonb not null,
  primary key (pseudonym, version)
);
-- A charter that gives anybody more: it waits for signatures, notice and time.
create table consent.charter_changes (
  hash text primary key,
  yaml text not null,
  proposed_at_ms bigint not null,
  signatures jsonb not null default '[]',
  takes_effect_at_ms bigint,
  -- Hash of the charter whose approvers count: the one in force when this was proposed, or this one if it is the first.
  named_by text not null,
  state text not null default 'proposed' check (state in ('proposed', 'waiting', 'in-force', 'rejected'))
);
create table consent.passkeys (
  credential_id text primary key,
  owner text not null,
  public_key bytea not null,
  counter bigint not null,
  usable_from_ms bigint not null
);
create index on consent.passkeys (owner);
create table consent.concerns (
  id text primary key,
  round text not null,
  slot int not null,
  raise_token_hash text not null unique,
  raised_on date not null,
  text text not null,
  state text not null default 'open' check (state in ('open', 'in-review', 'answered')),
  review_due_at_ms bigint,
  pause text check (pause in ('due', 'forced')),
  -- What was committed to in the ledger about it, with the salts: anybody here may check it.
  logged jsonb not null default '[]',
  answer text,
  unique (round, slot)
);
-- One row a supporter, under a token that nobody can link to a person.
create table consent.concern_supports (
  concern text not null references consent.concerns on delete cascade,
  token_hash text not null,
  primary key (concern, token_hash)
);
-- Who was given the tokens of a round: everybody gets all of them, so this says nothing of who uses any.
create table consent.concern_token_sets (
  pseudonym text not null references consent.people on delete cascade,
  round text not null,
  blinded_hash text not null,
  primary key (pseudonym, round)
);
create table consent.devices (
  device text primary key,
  pseudonym text not null references consent.people,
  public_key text not null unique,
  build text not null,
  cut_off boolean not null default false
);

-- One-time codes by which a participant's next device enrols; only hashes.
create table consent.device_codes (
  code_hash text primary key,
  pseudonym text not null references consent.people on delete cascade,
  ends_at_ms bigint not null
);
-- Every change of consent, devices and programme is announced by the database itself, so that none can be made in silence.
-- Every role can listen; whom a change is about is said under a key that only the portal can read.
create table consent.handle_key (
  only_one boolean primary key default true check (only_one),
  key text not null default gen_random_uuid()::text || gen_random_uuid()::text
);
insert into consent.handle_key default values;
create function consent.announce() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('fairtrace_consent', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
    (select key from consent.handle_key) || coalesce(new.pseudonym, old.pseudonym), 'UTF8')), 'hex'));
  return null;
end $$;
revoke all on function consent.announce() from public;
create trigger announce after insert or update or delete on consent.events for each row execute function consent.announce();
create trigger announce after insert or update or delete on consent.devices for each row execute function consent.announce();
create function install.announce() returns trigger language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('fairtrace_programme', '');
  return null;
end $$;
create trigger announce after insert or update or delete on install.programme
  for each statement execute function install.announce();

-- Sealed batches between intake and vault. No time of arrival; the order is all that draining needs.
create table inbox.batches (
  id text primary key,
  position bigint generated always as identity,
  vault_key_id text not null,
  sealed bytea not null
);
alter table inbox.batches alter column sealed set storage external;
alter table inbox.batches set (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
create index on inbox.batches (position);

create table vault.day_keys (
  key_id text primary key,
  public_key bytea not null,
  opens_at_ms bigint not null,
  closes_at_ms bigint not null,
  signature text not null,
  destroyed boolean not null default false
);
-- A key for a person who said yes as the version-th thing that they decided.
create table vault.key_requests (
  pseudonym text not null,
  version int not null default 1,
  primary key (pseudonym, version)
);
-- People whose keys are to be destroyed: after a withdrawal, at once, and all up to that version.
create table vault.erasure_requests (
  pseudonym text not null,
  version int not null,
  primary key (pseudonym, version)
);
-- The generation is the version of the yes that the pair was made for: a batch captured under an older one finds no key.
create table vault.participant_keys (
  pseudonym text not null,
  generation int not null,
  public_key bytea not null,
  primary key (pseudonym, generation)
);
create table vault.content_keys (
  id text primary key,
  pseudonym text not null,
  generation int not null,
  enc bytea not null,
  sealed bytea not null
);
create index on vault.content_keys (pseudonym);
create table vault.segments (
  id text primary key,
  bytes bigint not null,
  sha256 text not null
);
create table vault.chunks (
  batch_id text primary key,
  segment_id text not null references vault.segments,
  at_offset bigint not null,
  length int not null,
  content_key_id text not null references vault.content_keys,
  pseudonym text not null,
  device text not null,
  sequence bigint not null,
  recording text not null,
  part int not null,
  last boolean not null,
  task text,
  outcome text check (outcome in ('done', 'not-done')),
  charter_hash text not null,
  consent_version int not null,
  actions int not null,
  unique (device, sequence)
);
create index on vault.chunks (pseudonym);
create index on vault.chunks (content_key_id);
create table vault.quarantine (
  batch_id text primary key,
  code text not null,
  sealed bytea not null
);
-- A request to open keys and its answer. The answer is sealed to the recipient named in the grant.
create table vault.openings (
  id text primary key,
  request jsonb not null,
  state text not null default 'requested' check (state in ('requested', 'opened', 'refused')),
  code text,
  ledger_index bigint,
  answer jsonb
);

create table ledger.inbox (
  id bigint generated always as identity primary key,
  source text not null default current_user,
  entry text not null
);
create table ledger.entries (
  idx bigint primary key,
  inbox_id bigint not null unique,
  entry text not null
);
create table ledger.tiles (
  level int not null,
  idx bigint not null,
  width int not null,
  data bytea not null,
  primary key (level, idx, width)
);
create table ledger.checkpoints (
  size bigint primary key,
  note text not null
);

create table release.jobs (
  id text primary key,
  request jsonb not null,
  state text not null default 'requested' check (state in ('requested', 'running', 'done', 'failed')),
  progress real not null default 0,
  code text,
  message text,
  release_id text
);
create table release.releases (
  id text primary key,
  name text not null unique,
  directory text not null,
  created_at_ms bigint not null,
  manifest jsonb not null,
  ledger_index bigint not null
);
`

/** Rights, stated per role. A right that isn't here doesn't exist. */
export const grantsSql = `
revoke all on schema public from public;
-- PostgreSQL tells everybody how many rows each table got and lost, exactly and at once: no role may watch people decide there.
revoke select on pg_catalog.pg_class, pg_catalog.pg_statistic_ext, pg_catalog.pg_stats from public;
do $$
declare f record;
begin
  for f in select oid::regprocedure as name from pg_catalog.pg_proc
    where pronamespace = 'pg_catalog'::regnamespace and (proname like 'pg\\_stat\\_get\\_%' or proname like 'pg\\_%\\_size')
  loop
    execute format('revoke execute on function %s from public', f.name);
  end loop;
end $$;
grant usage on schema install to fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder;
grant select on all tables in schema install to fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder;
grant insert, update on install.programme to fairtrace_portal;
grant insert on install.charters to fairtrace_portal;

grant usage on schema consent to fairtrace_portal;
grant select, insert, update, delete on all tables in schema consent to fairtrace_portal;
-- A concern stays, word for word, whoever finds it inconvenient.
revoke update, delete on consent.concerns from fairtrace_portal;
grant update (state, review_due_at_ms, pause, logged, answer) on consent.concerns to fairtrace_portal;

grant usage on schema inbox to fairtrace_intake, fairtrace_vault;
grant insert on inbox.batches to fairtrace_intake;
grant select (id) on inbox.batches to fairtrace_intake;
grant select, delete on inbox.batches to fairtrace_vault;

grant usage on schema vault to fairtrace_vault, fairtrace_portal, fairtrace_intake, fairtrace_builder;
grant select, insert, update, delete on all tables in schema vault to fairtrace_vault;
grant select on vault.day_keys to fairtrace_portal, fairtrace_intake;
grant select, insert on vault.key_requests, vault.erasure_requests to fairtrace_portal;
grant select, insert on vault.openings to fairtrace_builder;
grant select on vault.chunks, vault.segments to fairtrace_builder;

grant usage on schema ledger to fairtrace_portal, fairtrace_vault, fairtrace_ledger, fairtrace_builder;
grant select, delete on ledger.inbox to fairtrace_ledger;
grant select, insert on ledger.entries, ledger.checkpoints to fairtrace_ledger;
grant select, insert, delete on ledger.tiles to fairtrace_ledger;
grant insert (entry) on ledger.inbox to fairtrace_portal, fairtrace_vault, fairtrace_builder;
grant select (id) on ledger.inbox to fairtrace_portal, fairtrace_vault, fairtrace_builder;
grant select on ledger.entries, ledger.tiles, ledger.checkpoints to fairtrace_portal, fairtrace_vault, fairtrace_builder;

grant usage on schema release to fairtrace_builder, fairtrace_portal;
grant select, insert, update on all tables in schema release to fairtrace_builder;
grant select, insert on release.jobs to fairtrace_portal;
grant select on release.releases to fairtrace_portal;
`

/**
 * The database schema, as SQL, with one database role per process and only the rights that it needs.
 *
 * What is *not* here matters: no table holds when a lease was renewed or when a batch arrived (it would be a timesheet), none
 * links a person's sign-in to a pseudonym outside `consent`, and none holds a private key.
 */
import { assuranceGrantsSql, assuranceSql } from './schema/assurance.ts'
import { incidentGrantsSql, incidentSql } from './schema/incident.ts'
import { lockdownGrantsSql, lockdownSql } from './schema/lockdown.ts'
import { releaseGrantsSql, releaseSql } from './schema/release.ts'
import { roomGrantsSql, roomSql } from './schema/room.ts'
import { scannerGrantsSql, scannerSql } from './schema/scanner.ts'
import { sentinelGrantsSql, sentinelSql } from './schema/sentinel.ts'

/** Database roles; each process signs in as exactly one. */
export const DATABASE_ROLES = ['portal', 'intake', 'vault', 'ledger', 'builder', 'sentinel', 'scanner', 'room'] as const
export type DatabaseRole = (typeof DATABASE_ROLES)[number]

export const databaseRoleName = (role: DatabaseRole): string => `fairtrace_${role}`

/** Raised with every change of `schemaSql`; a data directory with a higher one is refused (`DATA_NEWER`). */
export const SCHEMA_VERSION = 4

const baseSql = `
create schema install;
create schema access;
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
  -- locked: nothing is captured and no grant opens, until the gate lets it out; pausing, withdrawing and one's own view go on.
  state text not null check (state in ('draft', 'approved', 'running', 'paused', 'closed', 'locked')),
  epoch int not null check (epoch >= 0),
  charter_hash text not null,
  charter_yaml text not null
);
-- What somebody could read, or change, beyond what the charter says. Raised by whoever finds it; ids and sizes alone, no content.
create table install.exposures (
  id text primary key default gen_random_uuid()::text,
  found_at_ms bigint not null,
  kind text not null,
  severity text not null default 'critical' check (severity in ('low', 'medium', 'high', 'critical')),
  -- What is exposed, and to whom: a surface and a name of it, never content. The same finding has the same subject.
  subject text not null,
  detail jsonb not null,
  -- open: somebody can read it now. contained: locked, still there. closed: a probe found it gone.
  state text not null default 'open' check (state in ('open', 'contained', 'closed', 'false-alarm')),
  found_by text not null default current_user
);
-- The same finding, found again, is one exposure as long as it is open.
create unique index on install.exposures (kind, md5(subject)) where state in ('open', 'contained');
create function install.announce_exposure() returns trigger language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('fairtrace_exposures', new.id);
  return null;
end $$;
create trigger announce after insert or update on install.exposures
  for each row execute function install.announce_exposure();

-- Grants as people ask for them and answer. No row here opens anything: vault and keeper check every signature themselves.
create table access.grants (
  id text primary key,
  hash text not null unique,
  document jsonb not null,
  -- Digest of the account that asked, so that nobody approves their own request under another name.
  account text not null,
  requested_at_ms bigint not null,
  approvals jsonb not null default '[]',
  refusal jsonb,
  ended jsonb
);
create index on access.grants (requested_at_ms);
-- Staff who ever signed in, with their groups as the organisation stated them then: whom one asks the policies about.
create table access.people (
  account text primary key,
  name text not null,
  groups jsonb not null,
  seen_on date not null
);
-- Notices to webhooks that were not delivered yet.
create table access.deliveries (
  id text primary key,
  event text not null,
  body jsonb not null,
  url text not null,
  tries int not null default 0,
  due_at_ms bigint not null
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
-- Signatures of charters in force, for whoever has to show them to the keeper; the rest of the table is the portal's.
create view install.charter_signatures as
  select hash, signatures, proposed_at_ms from consent.charter_changes where state = 'in-force';
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

-- What of it the ledger has been given, in padded batches: salt and detail are the person's, on request.
create table consent.decision_batches (
  period bigint primary key
);
create table consent.logged_decisions (
  pseudonym text not null references consent.people,
  version int not null,
  kind text not null check (kind in ('decision', 'erasure')),
  inbox_id bigint not null,
  salt text not null,
  detail jsonb not null,
  primary key (pseudonym, version, kind)
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
  -- The keeper's half, and its signature over both: who writes another key here is found out.
  keeper_public_key bytea not null,
  keeper_signature text not null,
  primary key (pseudonym, generation)
);
-- People erased here whose shares the keeper has not confirmed to have destroyed.
create table vault.keeper_erasures (
  pseudonym text not null,
  generation int not null,
  primary key (pseudonym, generation)
);
-- Sealed to the participant's key, then under the key of a period, which the keystore destroys when retention ends.
create table vault.content_keys (
  id text primary key,
  pseudonym text not null,
  generation int not null,
  enc bytea not null,
  sealed bytea not null,
  period text not null
);
create index on vault.content_keys (pseudonym);
create index on vault.content_keys (period);
-- People erased up to a generation, until the rows of their content keys are gone too.
create table vault.erased (
  pseudonym text not null,
  generation int not null,
  primary key (pseudonym, generation)
);
-- Content keys that nothing opens any more, and whose chunks still take up room.
create table vault.dead_content_keys (
  id text primary key
);
-- The mac is the vault's over the row, under a key that only its keystore has: who writes here without it is found out.
create table vault.segments (
  id text primary key,
  number bigint not null unique,
  bytes bigint not null,
  sha256 text not null,
  -- How many chunks are still indexed, their bytes, and a keyed digest over their rows.
  chunks int not null,
  live_bytes bigint not null,
  digest bytea not null,
  mac bytea not null
);
-- No foreign keys: digest and mac bind a chunk to its segment, against writers too whom a constraint would not stop.
create table vault.chunks (
  batch_id text primary key,
  segment_id text not null,
  at_offset bigint not null,
  length int not null,
  content_key_id text not null,
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
create index on vault.chunks (segment_id);
create table vault.quarantine (
  batch_id text primary key,
  code text not null,
  sealed bytea not null
);
-- A check of everything stored: asked for here, done by the vault. Segments up to the cursor are done.
create table vault.checks (
  id text primary key,
  bytes_per_second bigint not null check (bytes_per_second > 0),
  state text not null default 'requested' check (state in ('requested', 'running', 'done', 'failed')),
  cursor text not null default '',
  done bigint not null default 0,
  total bigint not null default 0,
  findings jsonb not null default '[]',
  code text
);
-- A grant with both approvals, and what the keeper said to it.
create table vault.activations (
  grant_hash text primary key,
  request jsonb not null,
  state text not null default 'requested' check (state in ('requested', 'active', 'refused', 'ended')),
  code text,
  activation jsonb,
  ledger_index bigint
);
-- Grants that somebody ended early; the keeper is told until it has heard.
create table vault.grant_ends (
  grant_hash text primary key,
  is_told boolean not null default false
);
-- Passkeys of participants, for the keeper; signed by the portal.
create table vault.passkey_enrolments (
  id text primary key,
  request jsonb not null,
  state text not null default 'requested' check (state in ('requested', 'done', 'refused')),
  code text,
  usable_from_ms bigint
);
-- A participant's own view or export. The answer is sealed to the key that their passkey's word names.
create table vault.own_openings (
  id text primary key,
  request jsonb not null,
  state text not null default 'requested' check (state in ('requested', 'opened', 'refused')),
  code text,
  ledger_index bigint,
  answer jsonb
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

-- Whom an opening concerned, and what its ledger entry commits to. The portal asks for one person at a time.
create table vault.access_details (
  ledger_index bigint primary key,
  at_ms bigint not null,
  type text not null,
  salt text not null,
  detail jsonb not null
);
create table vault.access_notices (
  pseudonym text not null,
  ledger_index bigint not null,
  keys int not null,
  primary key (pseudonym, ledger_index)
);
create function vault.accesses_of(person text)
  returns table (ledger_index bigint, at_ms bigint, type text, salt text, detail jsonb, keys int)
  language sql stable security definer set search_path = '' as $$
    select d.ledger_index, d.at_ms, d.type, d.salt, d.detail, n.keys
    from vault.access_notices n join vault.access_details d on d.ledger_index = n.ledger_index
    where n.pseudonym = person
  $$;
revoke all on function vault.accesses_of(text) from public;
-- What is stored of one person, for themselves: the portal can list nobody else's and learns no total.
create function vault.chunks_of(person text) returns setof vault.chunks
  language sql stable security definer set search_path = '' as $$
    select * from vault.chunks where pseudonym = person
  $$;
revoke all on function vault.chunks_of(text) from public;

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
-- note is what the log signed; published the same with the cosignatures that the charter asks for, null until they are there.
create table ledger.checkpoints (
  size bigint primary key,
  note text not null,
  published text
);
create index on ledger.checkpoints (size) where published is not null;

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

const baseGrantsSql = `
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
grant usage on schema install to fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder,
  fairtrace_sentinel, fairtrace_scanner, fairtrace_room;
grant select on install.installation, install.programme, install.charters
  to fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder,
  fairtrace_sentinel, fairtrace_scanner, fairtrace_room;
-- Whoever finds an exposure says so; only the portal sees what others found.
grant insert (found_at_ms, kind, severity, subject, detail) on install.exposures
  to fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder,
  fairtrace_sentinel, fairtrace_scanner, fairtrace_room;
grant select on install.exposures to fairtrace_portal;
grant delete on install.exposures to fairtrace_vault;
grant select (state, found_at_ms) on install.exposures to fairtrace_vault;
alter table install.exposures enable row level security;
create policy say on install.exposures for insert with check (found_by = current_user and state = 'open');
create policy see on install.exposures for select using (current_user = 'fairtrace_portal' or current_user = 'fairtrace_vault');
-- Retention ends what is closed, and nothing else.
create policy retain on install.exposures for delete using (state in ('closed', 'false-alarm'));
grant select on install.charter_signatures to fairtrace_vault;
grant insert, update on install.programme to fairtrace_portal;
grant insert on install.charters to fairtrace_portal;

grant usage on schema consent to fairtrace_portal;
grant select, insert, update, delete on all tables in schema consent to fairtrace_portal;
-- A concern stays, word for word, whoever finds it inconvenient.
revoke update, delete on consent.concerns from fairtrace_portal;
grant update (state, review_due_at_ms, pause, logged, answer) on consent.concerns to fairtrace_portal;

grant usage on schema access to fairtrace_portal;
grant select, insert on access.grants to fairtrace_portal;
grant update (approvals, refusal, ended) on access.grants to fairtrace_portal;
grant select, insert, update on access.people to fairtrace_portal;
grant select, insert, update, delete on access.deliveries to fairtrace_portal;

grant usage on schema inbox to fairtrace_intake, fairtrace_vault;
grant insert on inbox.batches to fairtrace_intake;
grant select (id) on inbox.batches to fairtrace_intake;
grant select, delete on inbox.batches to fairtrace_vault;

grant usage on schema vault to fairtrace_vault, fairtrace_portal, fairtrace_intake, fairtrace_builder;
grant select, insert, update, delete on all tables in schema vault to fairtrace_vault;
grant select on vault.day_keys to fairtrace_portal, fairtrace_intake;
grant select, insert on vault.key_requests, vault.erasure_requests to fairtrace_portal;
grant select on vault.keeper_erasures to fairtrace_portal;
grant select on vault.activations, vault.grant_ends, vault.passkey_enrolments, vault.own_openings to fairtrace_portal;
grant select on vault.activations, vault.grant_ends to fairtrace_builder;
grant insert (grant_hash, request) on vault.activations to fairtrace_portal;
grant insert (grant_hash) on vault.grant_ends to fairtrace_portal;
grant insert (id, request) on vault.passkey_enrolments, vault.own_openings to fairtrace_portal;
grant select, insert on vault.openings to fairtrace_builder;
grant select on vault.chunks, vault.segments to fairtrace_builder;
grant select on vault.checks to fairtrace_portal;
grant insert (id, bytes_per_second) on vault.checks to fairtrace_portal;

grant execute on function vault.accesses_of(text), vault.chunks_of(text) to fairtrace_portal;

grant usage on schema ledger to fairtrace_portal, fairtrace_vault, fairtrace_ledger, fairtrace_builder;
grant select, delete on ledger.inbox to fairtrace_ledger;
grant select, insert on ledger.entries, ledger.checkpoints to fairtrace_ledger;
grant update (published) on ledger.checkpoints to fairtrace_ledger;
grant select, insert, delete on ledger.tiles to fairtrace_ledger;
grant insert (entry) on ledger.inbox to fairtrace_portal, fairtrace_vault, fairtrace_builder;
grant select (id) on ledger.inbox to fairtrace_portal, fairtrace_vault, fairtrace_builder;
grant select on ledger.entries, ledger.tiles, ledger.checkpoints to fairtrace_portal, fairtrace_vault, fairtrace_builder;
-- The entries of several roles wait side by side: each sees its own, and none can sign as another.
alter table ledger.inbox enable row level security;
create policy own on ledger.inbox using (source = current_user) with check (source = current_user);
create policy sequence on ledger.inbox to fairtrace_ledger using (true);

grant usage on schema release to fairtrace_builder, fairtrace_portal;
grant select, insert, update on all tables in schema release to fairtrace_builder;
grant select, insert on release.jobs to fairtrace_portal;
grant select on release.releases to fairtrace_portal;
`

export const schemaSql = [
  baseSql,
  lockdownSql,
  sentinelSql,
  scannerSql,
  incidentSql,
  assuranceSql,
  releaseSql,
  roomSql,
].join('\n')
/** Rights, stated per role. A right that isn't here doesn't exist. */
export const grantsSql = [
  baseGrantsSql,
  lockdownGrantsSql,
  sentinelGrantsSql,
  scannerGrantsSql,
  incidentGrantsSql,
  assuranceGrantsSql,
  releaseGrantsSql,
  roomGrantsSql,
].join('\n')

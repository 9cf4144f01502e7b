/** Tables of the training room: keys of releases, runs, what they put out and its review, models, budgets, and erasure that reaches them. */

export const roomSql = `
create schema room;
-- Public halves of a release's key pair, vault's and keeper's, by the keeper's word; null while the builder waits for them.
create table vault.release_keys (
  release text primary key,
  public_key bytea,
  keeper_public_key bytea,
  keeper_signature text
);
-- The key of a release, sealed to both halves: opens for nobody alone.
create table vault.sealed_release_keys (
  release text primary key,
  enc bytea not null,
  sealed bytea not null
);
-- Releases that are closed for good. From 'asked' on nobody opens them; 'destroyed': the vault's half is gone; 'closed': the keeper's too.
create table vault.release_closings (
  release text primary key,
  id text not null unique,
  state text not null default 'asked' check (state in ('asked', 'destroyed', 'closed')),
  -- Of the day's entry, with salt and detail that open it; null until the day is over.
  ledger_index bigint,
  salt text,
  detail jsonb
);
-- Erased people, until the builder has found the releases in which they may be; then what it found, for the person's own receipt.
create table vault.release_erasures (
  pseudonym text not null,
  version int not null,
  state text not null default 'asked' check (state in ('asked', 'done')),
  releases jsonb not null default '[]',
  primary key (pseudonym, version)
);

-- A program that somebody wants to run on a release. The row decides nothing: the vault checks the grant before the key opens.
create table room.runs (
  id text primary key,
  release text not null,
  grant_hash text not null,
  -- Digest of the account that asked.
  account text not null,
  -- {"grant","approvals","command","code","epsilon","limits"}: see room/run-request.ts.
  request jsonb not null,
  requested_at_ms bigint not null,
  state text not null default 'requested'
    check (state in ('requested', 'running', 'in-review', 'approved', 'refused', 'failed', 'stopped')),
  code text,
  message text,
  -- Entries room.started and room.ended of the ledger.
  started_index bigint,
  ended_index bigint,
  -- {"files":[{"path","bytes","sha256"}],"digest","wallMs","exitCode"}; no content.
  output jsonb,
  -- {"by","allow","reason","atMs"}
  review jsonb
);
create index on room.runs (release);
-- What the portal wants to show of an output, to a reviewer or after approval. The answer is sealed to a key that is made for it.
create table room.readings (
  id text primary key,
  run text not null references room.runs,
  purpose text not null check (purpose in ('review', 'output')),
  recipient_key text not null,
  state text not null default 'requested' check (state in ('requested', 'answered', 'refused')),
  code text,
  answer jsonb
);
-- Models that left the room, and what they cost.
create table room.models (
  id text primary key,
  run text not null unique references room.runs,
  release text not null,
  registered_at_ms bigint not null,
  -- {"code","parameters","weights","audience","membership","accuracy"}
  card jsonb not null,
  state text not null default 'current' check (state in ('current', 'to-retrain', 'retrained', 'retired')),
  -- The model that took its place; null if it was retired.
  successor text,
  -- Of the entry that says how it ended, with salt and detail that open it.
  ledger_index bigint,
  salt text,
  detail jsonb
);
-- Privacy spent, per person, before the program starts: what was spent is spent, also by a run that was killed.
create table room.budget (
  run text primary key references room.runs,
  epsilon double precision not null check (epsilon > 0),
  delta double precision not null check (delta > 0)
);
`

export const roomGrantsSql = `
grant usage on schema room to fairtrace_room, fairtrace_portal;
grant usage on schema vault, ledger, release to fairtrace_room;
grant select, insert, update, delete on vault.release_keys, vault.sealed_release_keys, vault.release_closings to fairtrace_vault;
grant insert (release), select on vault.release_keys to fairtrace_builder;
grant insert on vault.sealed_release_keys to fairtrace_builder;
grant select on vault.release_closings to fairtrace_builder, fairtrace_room, fairtrace_portal;
grant insert (release, id) on vault.release_closings to fairtrace_portal, fairtrace_builder;
grant select, insert, update, delete on vault.release_erasures to fairtrace_vault;
grant select, update (state, releases) on vault.release_erasures to fairtrace_builder;
grant select on vault.release_erasures to fairtrace_portal;
grant select on vault.openings to fairtrace_room;
grant insert (id, request) on vault.openings to fairtrace_room;
grant select on vault.activations, vault.grant_ends to fairtrace_room;
grant insert (entry) on ledger.inbox to fairtrace_room;
grant select (id) on ledger.inbox to fairtrace_room;
grant select on ledger.entries, ledger.checkpoints to fairtrace_room;
grant select on release.releases to fairtrace_room;
grant select on room.runs, room.readings, room.models, room.budget to fairtrace_room, fairtrace_portal;
grant update (state, code, message, started_index, ended_index, output) on room.runs to fairtrace_room;
grant insert (id, release, grant_hash, account, request, requested_at_ms) on room.runs to fairtrace_portal;
grant update (state, review) on room.runs to fairtrace_portal;
grant insert (id, run, purpose, recipient_key) on room.readings to fairtrace_portal;
grant update (state, code, answer) on room.readings to fairtrace_room;
grant insert, update on room.models to fairtrace_room;
grant insert on room.budget to fairtrace_room;
grant update (state, ledger_index, salt, detail) on room.models to fairtrace_portal;
`

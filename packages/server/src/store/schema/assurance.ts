/** Tables of assurance: drills and the evidence of them. */

export const assuranceSql = `
create schema assurance;

-- A drill is registered, and stands in the ledger, before anything is planted.
create table assurance.drills (
  id text primary key,
  drill text not null,
  safeguard text not null,
  -- What the starter of an unannounced drill chose, with their signature; both null for any other.
  nonce text,
  -- Name in the charter of who started an unannounced one.
  starter text,
  signature text,
  -- A role, no name.
  started_by text not null,
  -- What it will expose, exactly: [{"kind","subject"}]. Worked out here from the drill's id, never taken from who starts it.
  expected jsonb not null,
  -- Where the programme stood before.
  state_before text not null,
  epoch_before int not null,
  ledger_index bigint not null,
  salt text not null,
  -- By the system's clock, because exposures are found by it.
  registered_at_ms bigint not null,
  planted_at_ms bigint,
  removed_at_ms bigint,
  -- An open drill that nobody ends expects nothing any more after this.
  ends_at_ms bigint not null,
  state text not null default 'open' check (state in ('open', 'passed', 'failed', 'abandoned'))
);
create unique index on assurance.drills (nonce);
create index on assurance.drills (state) where state = 'open';
-- Which open drill foresaw exactly this exposure; null for any other, which is then a real one. Nothing planted, nothing foreseen.
create function assurance.drill_of(found_kind text, found_subject text) returns text
  language sql stable security definer set search_path = '' as $$
    select d.id from assurance.drills d
    where d.state = 'open' and d.planted_at_ms is not null
      and d.ends_at_ms > extract(epoch from pg_catalog.clock_timestamp()) * 1000
      and d.expected @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('kind', found_kind, 'subject', found_subject))
    order by d.registered_at_ms desc limit 1
  $$;
revoke all on function assurance.drill_of(text, text) from public;

-- Signed by the issuer: a row that doesn't verify is no evidence.
create table assurance.evidence (
  -- SHA-256 of the token, base64url.
  digest text primary key,
  run text not null,
  safeguard text not null,
  ended_at_ms bigint not null,
  jws text not null
);
create index on assurance.evidence (safeguard, ended_at_ms);
`

export const assuranceGrantsSql = `
grant usage on schema assurance to fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder,
  fairtrace_sentinel, fairtrace_scanner, fairtrace_room;
grant execute on function assurance.drill_of(text, text)
  to fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder,
  fairtrace_sentinel, fairtrace_scanner, fairtrace_room;
grant select, insert on assurance.drills, assurance.evidence to fairtrace_portal;
grant update (planted_at_ms, removed_at_ms, state) on assurance.drills to fairtrace_portal;
`

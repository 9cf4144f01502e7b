/** Tables of the gate and of incidents: what was signed, timeline, blast radius, notices, root cause. */

export const incidentSql = `
create schema gate;
-- What the four are asked to sign, and their signatures. No row here opens anything: portal and keeper check every signature.
create table gate.statements (
  hash text primary key,
  statement jsonb not null,
  drawn_at_ms bigint not null,
  signatures jsonb not null default '[]'
);
-- Every time that the programme came to run, with what the ledger's entry commits to; the keeper asks for it.
create table gate.openings (
  -- From here on.
  epoch int primary key,
  at_ms bigint not null,
  kind text not null check (kind in ('quorum', 'drill', 'demonstration')),
  type text not null,
  detail jsonb not null,
  salt text not null,
  ledger_index bigint not null,
  -- When the gate closed by itself, and why; a lockdown ends it too, and is in install.lockdowns.
  ended_at_ms bigint,
  ended_reason text
);
-- The only way to running. Nothing happens if anything changed since it was judged; whoever locks meanwhile leaves a row that
-- this end does not cover, and it stays locked.
create function gate.open(seen_state text, seen_epoch int, seen_charter text, next_state text, opens int, up_to bigint, word jsonb,
  opening jsonb) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  is_locked boolean;
begin
  is_locked := seen_state = 'locked';
  perform from install.programme p where p.charter_hash = seen_charter
    and (is_locked or (p.state = seen_state and p.epoch = seen_epoch)) for update;
  if not found or seen_state not in ('approved', 'paused', 'locked') or opens < seen_epoch then return false; end if;
  if opening ->> 'kind' <> 'demonstration'
    and exists (select from install.exposures where state in ('open', 'contained')) then return false; end if;
  if is_locked then
    if opens <> seen_epoch + 1 then return false; end if;
    perform install.end_lock(up_to, seen_epoch, next_state, word);
  else
    if next_state <> 'running' or exists (select from install.lockdowns l where l.ended is null) then return false; end if;
    update install.programme set state = 'running', epoch = opens;
  end if;
  insert into gate.openings (epoch, at_ms, kind, type, detail, salt, ledger_index, ended_at_ms, ended_reason)
    select opens, (extract(epoch from clock_timestamp()) * 1000)::bigint, opening ->> 'kind', opening ->> 'type',
      opening -> 'detail', opening ->> 'salt', (opening ->> 'index')::bigint,
      -- A drill puts back what was there, and no more.
      case when opening ->> 'kind' = 'drill' then (select o.ended_at_ms from gate.openings o order by o.epoch desc limit 1) end,
      case when opening ->> 'kind' = 'drill' then (select o.ended_reason from gate.openings o order by o.epoch desc limit 1) end
    on conflict (epoch) do nothing;
  return true;
end $$;
revoke all on function gate.open(text, int, text, text, int, bigint, jsonb, jsonb) from public;
-- The portal may write the state, but past the gate it may not make anything run, nor take an epoch back.
create function gate.guard() returns trigger language plpgsql set search_path = '' as $$
begin
  if current_user = 'fairtrace_portal' and (new.epoch < old.epoch
    or (old.state = 'locked' and new.state not in ('locked', 'closed'))
    or (new.state = 'running' and old.state <> 'running')) then
    raise exception 'only the gate lets a programme run';
  end if;
  return new;
end $$;
create trigger guard before update on install.programme for each row execute function gate.guard();

create schema incident;
-- One for each lockdown, drills' too: those are rehearsals.
create table incident.incidents (
  id text primary key,
  -- Of the lockdown.
  epoch int not null unique,
  opened_at_ms bigint not null,
  rehearsal boolean not null,
  ledger_index bigint,
  salt text,
  -- By people: {"text","safeguards","actions":[{"what","owner","dueOn"}],"by","atMs"}.
  cause jsonb,
  -- Who of data protection let the notices go, and when.
  approved_by text,
  notified_at_ms bigint,
  -- Whom the sentinel saw and did not expect while it stood: [{"who","what","through","sinceMs"}].
  seen jsonb not null default '[]'
);
-- One a person; drafts until they are sent. Only the portal reads it, as it does the schema consent.
create table incident.notices (
  incident text not null references incident.incidents,
  pseudonym text not null references consent.people on delete cascade,
  text text not null,
  sent_at_ms bigint,
  primary key (incident, pseudonym)
);
create index on incident.notices (pseudonym);
-- Which openings fell into an interval, and how many people each concerned: no list of whom.
create function incident.openings_between(from_ms bigint, to_ms bigint)
  returns table (ledger_index bigint, at_ms bigint, type text, detail jsonb, people bigint)
  language sql stable security definer set search_path = '' as $$
    select d.ledger_index, d.at_ms, d.type, d.detail,
      (select count(distinct n.pseudonym) from vault.access_notices n where n.ledger_index = d.ledger_index)
    from vault.access_details d where d.at_ms >= from_ms and d.at_ms < to_ms order by d.at_ms
  $$;
revoke all on function incident.openings_between(bigint, bigint) from public;
`

export const incidentGrantsSql = `
grant usage on schema gate to fairtrace_portal, fairtrace_vault;
grant select, insert on gate.statements to fairtrace_portal;
grant update (signatures) on gate.statements to fairtrace_portal;
grant select on gate.openings to fairtrace_portal, fairtrace_vault;
grant update (ended_at_ms, ended_reason) on gate.openings to fairtrace_portal;
grant execute on function gate.open(text, int, text, text, int, bigint, jsonb, jsonb) to fairtrace_portal;
grant usage on schema incident to fairtrace_portal;
grant select, insert on incident.incidents, incident.notices to fairtrace_portal;
grant update (rehearsal, cause, approved_by, notified_at_ms, ledger_index, salt, seen) on incident.incidents to fairtrace_portal;
grant update (text, sent_at_ms), delete on incident.notices to fairtrace_portal;
grant execute on function incident.openings_between(bigint, bigint) to fairtrace_portal;
`

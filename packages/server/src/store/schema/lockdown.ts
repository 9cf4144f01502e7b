/** Tables of lockdown: which processes run, what each lockdown was, who has acknowledged it, and how an exposure is followed. */

const EVERYBODY = `fairtrace_portal, fairtrace_intake, fairtrace_vault, fairtrace_ledger, fairtrace_builder,
  fairtrace_sentinel, fairtrace_scanner, fairtrace_room`

export const lockdownSql = `
-- Every running server process, under an id of its own. Its sign of life is signed with the key that the charter names for its
-- role, so that a row that nobody signed is no sign of life. Unlogged: after a crash nobody is alive, and a sign costs no flush.
create unlogged table install.points (
  point text primary key,
  role text not null,
  build text not null,
  started_at_ms bigint not null,
  -- {"beatMs","build","detail","epoch","point","programme","role","state"} in canonical JSON, and the role's signature over it.
  body text not null,
  signature text not null,
  -- By the database's own clock, so that no process tells how fresh it is.
  seen_at timestamptz not null default clock_timestamp(),
  left_at timestamptz,
  owner text not null default current_user
);
create function install.stamp_point() returns trigger language plpgsql set search_path = '' as $$
begin
  new.seen_at := clock_timestamp();
  new.owner := current_user;
  return new;
end $$;
create trigger stamp before insert or update on install.points for each row execute function install.stamp_point();

-- Appended to and never changed but for its end. An open row locks whatever install.programme says: a transaction that holds that
-- row holds up nothing.
create table install.lockdowns (
  number bigint generated always as identity primary key,
  epoch int not null,
  at_ms bigint not null,
  -- A role of the database, or of people; no name.
  by text not null,
  reason text not null,
  exposure text,
  drill text,
  state_before text not null,
  epoch_before int not null,
  -- Who showed a sign of life in the minute before: [{"point","role","quietMs"}].
  points jsonb not null,
  -- {"body","signature"}: the issuer's word that the gate let it run again. A row without it is locked, whatever else it says.
  ended jsonb,
  ended_at_ms bigint
);
create index on install.lockdowns (epoch);
create trigger announce after insert or update or delete on install.lockdowns
  for each statement execute function install.announce();

-- One row a point and epoch: signed by the point's key.
create table install.acknowledgements (
  epoch int not null,
  point text not null,
  role text not null,
  body text not null,
  signature text not null,
  at timestamptz not null default clock_timestamp(),
  owner text not null default current_user,
  primary key (epoch, point, owner)
);
create function install.stamp_acknowledgement() returns trigger language plpgsql set search_path = '' as $$
begin
  new.at := clock_timestamp();
  new.owner := current_user;
  return new;
end $$;
create trigger stamp before insert on install.acknowledgements for each row execute function install.stamp_acknowledgement();

-- Brings install.programme up to what the lockdowns say. Waits for nobody: whoever holds the row is skipped, and asked again later.
create function install.settle_lock() returns void language plpgsql security definer set search_path = '' as $$
declare
  top int;
  p record;
begin
  select max(l.epoch) into top from install.lockdowns l where l.ended is null;
  if top is null then return; end if;
  select id, state, epoch into p from install.programme
    where state not in ('locked', 'closed') or epoch < top for update skip locked;
  if not found then return; end if;
  -- It ran, or could have, under an epoch that is no lower than the lockdown's: that one is over too.
  update install.programme set
    epoch = greatest(top, p.epoch + case when p.state not in ('locked', 'closed') and p.epoch >= top then 1 else 0 end),
    state = case when p.state = 'closed' then 'closed' else 'locked' end
  where id = p.id;
end $$;
revoke all on function install.settle_lock() from public;

-- Any role may lock, and none can unlock by this. Raises the epoch above what anybody has seen, once; a lockdown of what is locked
-- is one more row under the same epoch, so that no end that did not know of it counts for it.
create function install.lock(seen_epoch int, why text, who text, exposure_id text, drill_id text)
  returns table (number bigint, epoch int) language plpgsql security definer set search_path = '' as $$
declare
  p record;
  top int;
  is_locked boolean;
begin
  select g.state, g.epoch into p from install.programme g;
  if not found then return; end if;
  select coalesce(max(l.epoch), 0), coalesce(bool_or(l.ended is null), false) into top, is_locked from install.lockdowns l;
  top := greatest(top, p.epoch);
  is_locked := (is_locked or p.state = 'locked') and top >= seen_epoch;
  insert into install.lockdowns (epoch, at_ms, by, reason, exposure, drill, state_before, epoch_before, points)
    select case when is_locked then top else greatest(top, seen_epoch) + 1 end,
      (extract(epoch from clock_timestamp()) * 1000)::bigint, session_user || coalesce(': ' || who, ''), why, exposure_id,
      drill_id, p.state, p.epoch,
      coalesce((select jsonb_agg(jsonb_build_object('point', s.point, 'role', s.role,
          'quietMs', (extract(epoch from clock_timestamp() - s.seen_at) * 1000)::bigint))
        from install.points s where s.left_at is null and s.seen_at > clock_timestamp() - interval '1 minute'), '[]')
    returning install.lockdowns.number, install.lockdowns.epoch into number, epoch;
  perform install.settle_lock();
  update install.exposures set state = 'contained', contained_at_ms = (extract(epoch from clock_timestamp()) * 1000)::bigint
    where id in (select x.id from install.exposures x where x.state = 'open' for update skip locked);
  return next;
end $$;
revoke all on function install.lock(int, text, text, text, text) from public;

-- The one way out, for the gate: fails if anybody locked since it looked. Whoever locks meanwhile leaves an open row, and it stays locked.
create function install.end_lock(up_to bigint, seen_epoch int, next_state text, word jsonb) returns int
  language plpgsql security definer set search_path = '' as $$
declare
  p record;
  top int;
begin
  perform from install.programme for update;
  -- A lockdown that found the row held is brought home first.
  perform install.settle_lock();
  select id, state, epoch into p from install.programme;
  select greatest(p.epoch, max(l.epoch)) into top from install.lockdowns l where l.ended is null;
  top := coalesce(top, p.epoch);
  if p.id is null or p.state <> 'locked' or top <> seen_epoch
    or exists (select from install.lockdowns l where l.number > up_to) then
    raise exception 'the lockdown is not the one that was judged' using errcode = 'FT001';
  end if;
  update install.lockdowns set ended = word, ended_at_ms = (extract(epoch from clock_timestamp()) * 1000)::bigint
    where number <= up_to and ended is null;
  update install.programme set state = next_state, epoch = seen_epoch + 1 where id = p.id;
  return seen_epoch + 1;
end $$;
revoke all on function install.end_lock(bigint, int, text, jsonb) from public;

alter table install.exposures
  -- Who looks for it, and what that one covers in one look; 'once' if nobody looks again by itself.
  add column finder text not null default 'once',
  add column scope text not null default '',
  add column misses int not null default 0,
  -- When to look again: every second until it is closed, then at growing intervals. null: nobody does.
  add column probe_at timestamptz,
  add column hold_s int not null default 1,
  add column reopened int not null default 0,
  -- The charter has a person asked before everything locks.
  add column asks boolean not null default false,
  add column contained_at_ms bigint,
  add column closed_at_ms bigint,
  -- Two people's signed word that it is a false alarm, or that it is mended.
  add column verdict jsonb,
  -- The open drill that foresaw exactly this.
  add column drill text;
create function install.tag_exposure() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  new.drill := assurance.drill_of(new.kind, new.subject);
  return new;
end $$;
revoke all on function install.tag_exposure() from public;
create trigger tag before insert on install.exposures for each row execute function install.tag_exposure();

-- All that one finder sees in one scope, at once. findings: [{"kind","subject","severities","asks","detail"}], severities by how often
-- it has come back. What is there and does not ask first locks, in this same transaction.
create function install.report(finder_name text, scope_name text, is_complete boolean, findings jsonb, at_ms bigint)
  returns table (raised int, closed int, reopened int, epoch int) language plpgsql security definer set search_path = '' as $$
declare
  f record;
  e record;
  found_id text;
  to_lock text := null;
  lock_kind text;
  is_all_drill boolean := true;
  lock_drill text := null;
  is_locked boolean;
begin
  raised := 0; closed := 0; reopened := 0; epoch := null;
  is_locked := exists (select from install.lockdowns l where l.ended is null)
    and exists (select from install.programme p where p.state = 'locked');
  for f in select * from jsonb_to_recordset(findings) as t(kind text, subject text, severities jsonb, asks boolean, detail jsonb) loop
    found_id := null;
    -- What a drill exposed and what comes after it are two things: neither is the other one come back.
    select x.* into e from install.exposures x where x.kind = f.kind and x.subject = f.subject
      and (x.state in ('open', 'contained')
        or (x.probe_at is not null and x.drill is not distinct from assurance.drill_of(f.kind, f.subject)))
      order by (x.state in ('open', 'contained')) desc, x.found_at_ms desc limit 1;
    if not found then
      insert into install.exposures (found_at_ms, kind, severity, subject, detail, found_by, finder, scope, asks, probe_at)
        values (at_ms, f.kind, f.severities ->> 0, f.subject, f.detail, session_user, finder_name, scope_name, f.asks,
          case when finder_name = 'once' then null else clock_timestamp() + interval '1 second' end)
        on conflict do nothing returning id into found_id;
      if found_id is null then continue; end if;
      raised := raised + 1;
      if f.asks then continue; end if;
    elsif e.state = 'closed' then
      update install.exposures x set state = 'open', reopened = x.reopened + 1, asks = false, misses = 0, hold_s = 1,
        severity = f.severities ->> least(x.reopened + 1, jsonb_array_length(f.severities) - 1), closed_at_ms = null,
        probe_at = clock_timestamp() + interval '1 second' where x.id = e.id;
      reopened := reopened + 1;
      found_id := e.id;
    elsif e.state = 'false-alarm' then
      update install.exposures x set misses = 0 where x.id = e.id;
      continue;
    else
      if e.misses > 0 then update install.exposures x set misses = 0 where x.id = e.id; end if;
      -- Still there, and it runs: somebody let it out past the gate.
      if e.asks or is_locked then continue; end if;
      found_id := e.id;
    end if;
    if to_lock is null then to_lock := found_id; lock_kind := f.kind; end if;
    select x.drill into lock_drill from install.exposures x where x.id = found_id;
    is_all_drill := is_all_drill and lock_drill is not null;
  end loop;
  if is_complete then
    for e in select x.* from install.exposures x where x.found_by = session_user and x.finder = finder_name
      and x.scope = scope_name and x.probe_at is not null
      and not exists (select from jsonb_to_recordset(findings) as t(kind text, subject text)
        where t.kind = x.kind and t.subject = x.subject)
    loop
      if e.state in ('open', 'contained') then
        update install.exposures x set misses = e.misses + 1, probe_at = clock_timestamp() + interval '1 second',
          state = case when e.misses + 1 >= 2 then 'closed' else x.state end,
          closed_at_ms = case when e.misses + 1 >= 2 then at_ms end, hold_s = 1
        where x.id = e.id;
        if e.misses + 1 >= 2 then closed := closed + 1; end if;
      elsif e.state = 'closed' and clock_timestamp() >= e.probe_at then
        update install.exposures x set hold_s = least(e.hold_s * 2, 3600),
          probe_at = clock_timestamp() + make_interval(secs => least(e.hold_s * 2, 3600)) where x.id = e.id;
      elsif e.state = 'false-alarm' then
        update install.exposures x set misses = e.misses + 1,
          probe_at = case when e.misses + 1 >= 2 then null else x.probe_at end where x.id = e.id;
      end if;
    end loop;
  end if;
  if to_lock is not null then
    select l.epoch into epoch from install.lock(0, 'An exposure was found: ' || lock_kind || '.', finder_name, to_lock,
      case when is_all_drill then lock_drill end) l;
  end if;
  return next;
end $$;
revoke all on function install.report(text, text, boolean, jsonb, bigint) from public;

-- What a finder has to look at again, soonest first.
create function install.probes(finder_name text) returns table (kind text, subject text, scope text, state text, due_in_ms bigint)
  language sql stable security definer set search_path = '' as $$
    select x.kind, x.subject, x.scope, x.state, (extract(epoch from x.probe_at - clock_timestamp()) * 1000)::bigint
    from install.exposures x where x.found_by = session_user and x.finder = finder_name and x.probe_at is not null
    order by x.probe_at
  $$;
revoke all on function install.probes(text) from public;

-- Two people's word about an exposure; the portal has checked their signatures. What a finder looks at is closed by its probe alone.
create function install.settle_exposure(exposure_id text, next_state text, word jsonb) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  update install.exposures set state = next_state, verdict = word, misses = 0, asks = false,
    closed_at_ms = (extract(epoch from clock_timestamp()) * 1000)::bigint
  where id = exposure_id and state in ('open', 'contained')
    and (next_state = 'false-alarm' or (next_state = 'closed' and finder = 'once'));
  return found;
end $$;
revoke all on function install.settle_exposure(text, text, jsonb) from public;

-- Batches that came in while locked: as unopened as in the inbox, and out of the vault's sight.
create table inbox.held (
  id text primary key,
  vault_key_id text not null,
  sealed bytea not null
);
alter table inbox.held alter column sealed set storage external;
create function inbox.let_in(most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  moved int;
begin
  if exists (select from install.lockdowns l where l.ended is null)
    or not exists (select from install.programme p where p.state in ('running', 'paused')) then return 0; end if;
  with gone as (delete from inbox.held where id in (select h.id from inbox.held h limit most) returning *)
    insert into inbox.batches (id, vault_key_id, sealed) select g.id, g.vault_key_id, g.sealed from gone g
    on conflict (id) do nothing;
  get diagnostics moved = row_count;
  return moved;
end $$;
revoke all on function inbox.let_in(int) from public;
`

export const lockdownGrantsSql = `
grant select on install.points, install.lockdowns, install.acknowledgements to ${EVERYBODY};
grant insert (point, role, build, started_at_ms, body, signature) on install.points to ${EVERYBODY};
grant update (body, signature, left_at) on install.points to ${EVERYBODY};
grant delete on install.points to ${EVERYBODY};
alter table install.points enable row level security;
create policy see on install.points for select using (true);
create policy say on install.points for insert with check (owner = current_user);
create policy say_again on install.points for update using (owner = current_user) with check (owner = current_user);
create policy go on install.points for delete using (owner = current_user);
grant insert (epoch, point, role, body, signature) on install.acknowledgements to ${EVERYBODY};
alter table install.acknowledgements enable row level security;
create policy see on install.acknowledgements for select using (true);
create policy say on install.acknowledgements for insert with check (owner = current_user);
grant execute on function install.lock(int, text, text, text, text), install.settle_lock(),
  install.report(text, text, boolean, jsonb, bigint), install.probes(text) to ${EVERYBODY};
grant execute on function install.end_lock(bigint, int, text, jsonb), install.settle_exposure(text, text, jsonb) to fairtrace_portal;
grant insert on inbox.held to fairtrace_intake;
grant select (id) on inbox.held to fairtrace_intake;
grant execute on function inbox.let_in(int) to fairtrace_intake;
grant select (vault_key_id) on inbox.held to fairtrace_vault;
`

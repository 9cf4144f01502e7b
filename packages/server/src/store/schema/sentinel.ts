/**
 * Tables of what the sentinel sees. It reads catalogs, the register of grants and the names of releases: no row of consent, no row of
 * the vault, and no count of rows, for `pg_class` is given to it by columns.
 */

export const sentinelSql = `
create schema sentinel;

-- Rights and guards of this database as its own schema made them, signed when the database was made: what is there beyond it, nobody
-- declared. The sentinel reads it, checks the signature, and can't write it.
create table sentinel.expected (
  only_one boolean primary key default true check (only_one),
  body text not null,
  signature text not null
);

-- The effective audience, newest look at each surface. Names of roles, groups, tables and files; no content, no participant.
create table sentinel.audience (
  surface text primary key,
  seen_at_ms bigint not null,
  unread text,
  rows jsonb not null,
  not_shown jsonb not null
);

-- Settings by which content could leave, or a guard could be off. The view shows some of them to superusers alone.
create function sentinel.settings() returns table (name text, setting text)
  language sql stable security definer set search_path = '' as $$
    select s.name, s.setting from pg_catalog.pg_settings s where s.name in (
      'allow_in_place_tablespaces', 'allow_system_table_mods', 'archive_cleanup_command', 'archive_command', 'archive_library',
      'archive_mode', 'debug_print_parse', 'debug_print_plan', 'debug_print_rewritten', 'jit_provider', 'listen_addresses', 'local_preload_libraries', 'log_destination', 'log_duration',
      'log_min_duration_sample', 'log_min_duration_statement', 'log_min_error_statement', 'log_parameter_max_length',
      'log_parameter_max_length_on_error', 'log_parser_stats', 'log_replication_commands', 'log_statement',
      'log_statement_sample_rate', 'log_transaction_sample_rate', 'password_encryption', 'primary_conninfo', 'restore_command',
      'row_security', 'session_preload_libraries', 'session_replication_role', 'shared_preload_libraries', 'ssl',
      'synchronous_standby_names', 'unix_socket_directories', 'unix_socket_permissions', 'dynamic_library_path')
  $$;
revoke all on function sentinel.settings() from public;

-- Which roles are connected, and as what: a client, or a standby that streams everything. Neither who they are nor what they ask.
create function sentinel.connections() returns table (role text, kind text)
  language sql stable security definer set search_path = '' as $$
    select distinct a.usename::text, a.backend_type from pg_catalog.pg_stat_activity a
    where a.usename is not null and a.backend_type in ('client backend', 'walsender')
  $$;
revoke all on function sentinel.connections() from public;
`

export const sentinelGrantsSql = `
grant usage on schema sentinel to fairtrace_sentinel, fairtrace_portal;
grant select on sentinel.expected to fairtrace_sentinel;
grant select, insert, update on sentinel.audience to fairtrace_sentinel;
grant select on sentinel.audience to fairtrace_portal;
grant execute on function sentinel.settings(), sentinel.connections() to fairtrace_sentinel;
-- Without reltuples, relpages and relallvisible: they are counts of rows.
grant select (oid, relname, relnamespace, relkind, relowner, relacl, relrowsecurity, relforcerowsecurity, relpersistence,
  reloptions, relispartition, reltablespace) on pg_catalog.pg_class to fairtrace_sentinel;
grant select on pg_catalog.pg_hba_file_rules to fairtrace_sentinel;
grant execute on function pg_catalog.pg_hba_file_rules() to fairtrace_sentinel;
-- Whom the policies are asked about, and which grants there are: names of staff and documents that they signed.
grant usage on schema access, vault, release to fairtrace_sentinel;
grant select on access.people, access.grants to fairtrace_sentinel;
grant select on vault.activations to fairtrace_sentinel;
grant select (id, name, created_at_ms) on release.releases to fairtrace_sentinel;
-- Somebody signed in, or asked, or approved: the audience is computed anew.
create function access.announce() returns trigger language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('fairtrace_audience', '');
  return null;
end $$;
create trigger announce after insert or update or delete on access.grants
  for each statement execute function access.announce();
create trigger announce after insert or update or delete on access.people
  for each statement execute function access.announce();
create trigger announce_access after insert or update or delete on vault.activations
  for each statement execute function access.announce();
`

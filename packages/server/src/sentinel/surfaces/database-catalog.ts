/**
 * The queries by which PostgreSQL is asked who may do what. Catalogs alone; what a catalog's text holds is a name or a definition.
 *
 * Owners that are the cluster's first superuser (oid 10) are left out of the rights: it reads everything, which is one row by itself.
 * Of what PostgreSQL brings (oid below 16384) functions are held as one digest, for there are thousands and nobody changes them.
 */

/** kind, place, name, part, role (null: PUBLIC), right, whether it may be given on, whether the role owns it. */
export const RIGHTS_SQL = `
with acls(kind, place, name, part, owner, acl) as (
  select 'schema', null, n.nspname::text, null, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
    from pg_namespace n where n.nspname !~ '^pg_(toast|temp)'
  union all
  select case c.relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
      else 'table' end, n.nspname::text, c.relname::text, null, c.relowner,
      coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v', 'm', 'p', 'f', 'S') and n.nspname !~ '^pg_(toast|temp)'
  union all
  select 'table', n.nspname::text, c.relname::text, a.attname::text, c.relowner, a.attacl
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where a.attacl is not null and not a.attisdropped
  union all
  select 'function', n.nspname::text, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', null, p.proowner,
      coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.oid >= 16384 or p.proacl is not null
  union all
  select 'language', null, l.lanname::text, null, l.lanowner, coalesce(l.lanacl, acldefault('l', l.lanowner)) from pg_language l
  union all
  select 'database', null, d.datname::text, null, d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)) from pg_database d
  union all
  select 'tablespace', null, t.spcname::text, null, t.spcowner, coalesce(t.spcacl, acldefault('t', t.spcowner)) from pg_tablespace t
  union all
  select 'foreign server', null, s.srvname::text, null, s.srvowner, coalesce(s.srvacl, acldefault('S', s.srvowner))
    from pg_foreign_server s
  union all
  select 'foreign data wrapper', null, w.fdwname::text, null, w.fdwowner, coalesce(w.fdwacl, acldefault('F', w.fdwowner))
    from pg_foreign_data_wrapper w
  union all
  select 'large object', null, o.oid::text, null, o.lomowner, coalesce(o.lomacl, acldefault('L', o.lomowner))
    from pg_largeobject_metadata o
  union all
  select 'parameter', null, p.parname, null, 10, p.paracl from pg_parameter_acl p
)
select a.kind, a.place, a.name, a.part, r.rolname::text as role, x.grantee = 0 as public,
  array_agg(distinct lower(x.privilege_type) || case when x.is_grantable then ' with grant option' else '' end) as rights,
  x.grantee = a.owner as owner
from acls a cross join lateral aclexplode(a.acl) x left join pg_roles r on r.oid = x.grantee
where x.grantee <> 10 and not (a.kind = 'function' and a.place = 'pg_catalog' and r.rolname ~ '^pg_')
  -- What PostgreSQL lets everybody see of its own catalogs; a change of it shows in the digest "tables of PostgreSQL".
  and not (x.grantee = 0 and a.place in ('pg_catalog', 'information_schema') and a.kind in ('table', 'view'))
group by a.kind, a.place, a.name, a.part, r.rolname, x.grantee, a.owner`

/** Rights that objects will have which aren't there yet. */
export const DEFAULT_RIGHTS_SQL = `
select d.defaclobjtype::text as kind, n.nspname::text as place, o.rolname::text as maker, r.rolname::text as role,
  x.grantee = 0 as public, array_agg(distinct lower(x.privilege_type)) as rights
from pg_default_acl d cross join lateral aclexplode(d.defaclacl) x join pg_roles o on o.oid = d.defaclrole
  left join pg_namespace n on n.oid = d.defaclnamespace left join pg_roles r on r.oid = x.grantee
where x.grantee <> 10 group by 1, 2, 3, 4, x.grantee`

export const ROLES_SQL = `
select r.oid::int8 = 10 as first, r.rolname::text as role, r.rolsuper as super, r.rolbypassrls as bypass,
  r.rolreplication as replication, r.rolcreaterole as creates_roles, r.rolcreatedb as creates_databases,
  r.rolcanlogin as login, r.rolinherit as inherit, r.rolconfig::text as config, r.rolvaliduntil is null as unlimited
from pg_roles r`

/** Roles of PostgreSQL itself in one another aside. */
export const MEMBERSHIPS_SQL = `
select m.rolname::text as member, r.rolname::text as role, a.admin_option as admin
from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles r on r.oid = a.roleid
where not (m.rolname ~ '^pg_' and r.rolname ~ '^pg_')`

/** kind, place, name, on (a table), state. One row a guard. */
export const GUARDS_SQL = `
select 'table' as kind, n.nspname::text as place, c.relname::text as name, null as on_place, null as on_name,
  concat_ws(' ', c.relkind, 'owner', quote_ident(o.rolname), 'rls', c.relrowsecurity, 'forced', c.relforcerowsecurity, c.relpersistence,
    c.relispartition, c.reloptions::text, 'tablespace', c.reltablespace, 'columns', (
      select md5(string_agg(concat_ws(':', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
        a.attidentity, pg_get_expr(d.adbin, d.adrelid)), ',' order by a.attnum))
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'parents', (select string_agg(i.inhparent::regclass::text, ',' order by i.inhseqno) from pg_inherits i where i.inhrelid = c.oid),
    'definition', case when c.relkind in ('v', 'm') then md5(pg_get_viewdef(c.oid)) end) as state
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
  where c.relkind in ('r', 'v', 'm', 'p', 'f', 'S') and n.nspname !~ '^pg_(toast|temp)' and (c.oid >= 16384)
union all
select 'schema', null, n.nspname::text, null, null, concat_ws(' ', 'owner', quote_ident(o.rolname))
  from pg_namespace n join pg_roles o on o.oid = n.nspowner where n.nspname !~ '^pg_(toast|temp)'
union all
select 'policy', null, p.polname::text, n.nspname::text, c.relname::text, concat_ws(' ', p.polcmd, p.polpermissive, (
    select string_agg(coalesce(quote_ident(r.rolname), 'PUBLIC'), ',' order by x.role)
    from unnest(p.polroles) as x(role) left join pg_roles r on r.oid = x.role),
    'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
union all
select 'trigger', null, t.tgname::text, n.nspname::text, c.relname::text, concat_ws(' ', t.tgenabled, md5(pg_get_triggerdef(t.oid)))
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace where not t.tgisinternal
union all
select 'rule', null, w.rulename::text, n.nspname::text, c.relname::text, concat_ws(' ', w.ev_enabled, md5(pg_get_ruledef(w.oid)))
  from pg_rewrite w join pg_class c on c.oid = w.ev_class join pg_namespace n on n.oid = c.relnamespace
  where w.oid >= 16384 and c.relkind not in ('v', 'm')
union all
select 'function', n.nspname::text, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', null, null,
  concat_ws(' ', 'owner', quote_ident(o.rolname), 'definer', p.prosecdef, p.prokind, l.lanname, p.proconfig::text, md5(p.prosrc),
    md5(p.probin), md5(pg_get_function_result(p.oid)))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles o on o.oid = p.proowner
    join pg_language l on l.oid = p.prolang
  where p.oid >= 16384
union all
select 'functions', null, 'of PostgreSQL', null, null, md5(string_agg(concat_ws(':', p.oid, p.proowner, p.proacl::text, p.prosecdef,
    p.prolang, p.prosrc, p.probin), ',' order by p.oid)) from pg_proc p where p.oid < 16384
union all
select 'tables', null, 'of PostgreSQL', null, null, md5(string_agg(concat_ws(':', c.oid, c.relowner, c.relacl::text, c.relrowsecurity,
    case when c.relkind = 'v' then pg_get_viewdef(c.oid) end), ',' order by c.oid))
  from pg_class c where c.oid < 16384 and c.relkind in ('r', 'v')
union all
select 'extension', null, e.extname::text, null, null, e.extversion from pg_extension e
union all
select 'language', null, l.lanname::text, null, null, concat_ws(' ', l.lanowner, l.lanpltrusted) from pg_language l
union all
select 'foreign server', null, s.srvname::text, null, null, md5(s.srvoptions::text) from pg_foreign_server s
union all
select 'user mapping', null, u.srvname::text, null, null, u.usename::text from pg_user_mappings u
union all
select 'event trigger', null, e.evtname::text, null, null, concat_ws(' ', e.evtenabled, e.evtevent, e.evtfoid::regproc) from pg_event_trigger e
union all
select 'publication', null, p.pubname::text, null, null, concat_ws(' ', p.puballtables, p.pubowner) from pg_publication p
union all
select 'subscription', null, s.subname::text, null, null, concat_ws(' ', s.subenabled, s.subowner) from pg_subscription s
union all
select 'replication slot', null, s.slot_name::text, null, null, s.slot_type from pg_replication_slots s
union all
select 'large object', null, o.oid::text, null, null, concat_ws(' ', 'owner', o.lomowner) from pg_largeobject_metadata o
union all
select 'database', null, d.datname::text, null, null, concat_ws(' ', 'owner', quote_ident(o.rolname), d.datallowconn, d.datistemplate)
  from pg_database d join pg_roles o on o.oid = d.datdba
union all
select 'tablespace', null, t.spcname::text, null, null, quote_ident(o.rolname) from pg_tablespace t join pg_roles o on o.oid = t.spcowner
union all
select 'settings of', null, coalesce(r.rolname::text, 'every role'), null, coalesce(d.datname::text, 'every database'), s.setconfig::text
  from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
union all
select 'setting', null, s.name, null, null, s.setting from sentinel.settings() s
union all
select 'pg_hba', null, 'rules', null, null, md5(string_agg(concat_ws(' ', h.rule_number, h.type, h.database::text, h.user_name::text,
    h.address, h.netmask, h.auth_method, h.options::text, h.error), E'\\n' order by h.line_number)) from pg_hba_file_rules h`

export const CONNECTIONS_SQL = 'select role, kind from sentinel.connections()'

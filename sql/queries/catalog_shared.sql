-- What the databases of one server share, and a migration can change.

-- name: shared
select
    'role ' || quote_ident(r.rolname),
    array[r.rolname]::text[],
    to_jsonb(r)::text
from {roles} as r -- noqa: PRS
union all
select
    'membership of ' || quote_ident(member.rolname) || ' in ' || quote_ident(granted.rolname),
    array[member.rolname, granted.rolname]::text[],
    to_jsonb(m)::text
from pg_auth_members as m
inner join pg_roles as member on m.member = member.oid
inner join pg_roles as granted on m.roleid = granted.oid
union all
select
    'settings of ' || coalesce('role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)),
    array_remove(array[r.rolname], null)::text[],
    to_jsonb(s)::text
from pg_db_role_setting as s
left join pg_roles as r on s.setrole = r.oid
left join pg_database as d on s.setdatabase = d.oid
where d.datname is distinct from current_database()
union all
select
    'database ' || quote_ident(d.datname),
    '{}',
    concat_ws(' ', d.datdba, d.datacl, d.datconnlimit, d.datallowconn, shobj_description(d.oid, 'pg_database'))
from pg_database as d
where d.datname !~ '^memdb_scratch_';

-- Who else may put objects where a migration's names lead.

-- name: open_schemas
-- With the roles that may create there, or that own the history there; and whether the present role is a superuser.
-- Names also lead to where the extension is.
select
    n.nspname,
    array_agg(r.rolname order by r.rolname),
    (
        select me.rolsuper from pg_roles as me
        where me.rolname = current_user
    )
from pg_namespace as n
cross join pg_roles as r
where
    (
        n.nspname = any(%(schemas)s)
        or exists (
            select from pg_extension as e
            where e.extname = 'vector' and e.extnamespace = n.oid
        )
    )
    and not r.rolsuper and r.rolname <> current_user and r.rolname !~ '^pg_'
    and (
        has_schema_privilege(r.oid, n.oid, 'create')
        or exists (
            select from pg_class as c
            where
                c.relnamespace = n.oid and c.relowner = r.oid
                and c.relname in ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'memdb_migrations')
        )
    )
group by n.nspname
order by n.nspname;

-- Whose users memories belong to.

-- name: resolve
-- Written so that it does not matter what the search_path holds, which is left as it was.
with present as materialized (select pg_catalog.current_setting('search_path') as path)

select
    pg_catalog.set_config('search_path', %s, true),
    pg_catalog.to_regclass(%s)::pg_catalog.oid,
    pg_catalog.set_config('search_path', present.path, true)
from present;

-- name: described
select
    format('%%I.%%I', n.nspname, c.relname) as name,
    pg_get_userbyid(c.relowner) as owner,
    coalesce(starts_with(obj_description(c.oid, 'pg_class'), %(mark)s), false) as is_stand_in
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where c.oid = %(oid)s;

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

-- name: candidates
-- Which of these tables are there, each with the column that is asked for, or else its primary key; the first to be
-- named first. A table that is named without a schema is the first of that name in the search_path.
select distinct on (wanted.place)
    case
        when wanted.schema is null then quote_ident(c.relname)
        else format('%%I.%%I', n.nspname, c.relname)
    end as table,
    case c.relkind
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'f' then 'foreign table'
        else 'table'
    end as kind,
    coalesce(%(key)s::text, '') as asked,
    coalesce(quote_ident(a.attname), '') as key,
    format_type(a.atttypid, a.atttypmod) as key_type,
    exists(
        select
        from pg_index as i
        where
            c.oid = i.indrelid
            and i.indkey[0] = a.attnum
            and i.indisunique
            and i.indimmediate
            and i.indisvalid
            and i.indpred is null
            and i.indnkeyatts = 1
    ) as is_unique,
    coalesce(starts_with(obj_description(c.oid, 'pg_class'), %(mark)s), false) as is_stand_in
from unnest(%(schemas)s::text[], %(tables)s::text[]) with ordinality as wanted (schema, name, place)
inner join pg_class as c on wanted.name = c.relname and c.relkind in ('r', 'p', 'v', 'm', 'f')
inner join pg_namespace as n on c.relnamespace = n.oid
left join pg_index as k on c.oid = k.indrelid and k.indisprimary and k.indnkeyatts = 1
left join pg_attribute as a
    on
        c.oid = a.attrelid
        and not a.attisdropped
        and case when %(key)s::text is null then k.indkey[0] = a.attnum else a.attname = %(key)s end
where coalesce(n.nspname = wanted.schema, n.nspname = any(%(path)s::text[]))
order by wanted.place, array_position(%(path)s::text[], n.nspname::text);

-- What a database says of the shape that memories are to have in it.

-- name: users
-- Which of these tables are there, each with its primary key, the first to be named first. A table that is named
-- without a schema is looked for in the search_path.
select
    case
        when wanted.schema is null then quote_ident(c.relname)
        else format('%%I.%%I', n.nspname, c.relname)
    end as table,
    quote_ident(a.attname) as key,
    format_type(a.atttypid, a.atttypmod) as key_type
from unnest(%(schemas)s::text[], %(tables)s::text[]) with ordinality as wanted (schema, name, place)
inner join pg_class as c on wanted.name = c.relname and c.relkind in ('r', 'p')
inner join pg_namespace as n on c.relnamespace = n.oid
left join pg_index as i on c.oid = i.indrelid and i.indisprimary and i.indnkeyatts = 1
left join pg_attribute as a on c.oid = a.attrelid and i.indkey[0] = a.attnum
where coalesce(n.nspname = wanted.schema, n.nspname = any(%(path)s::text[]))
order by wanted.place, array_position(%(path)s::text[], n.nspname::text);

-- What memdb.store asks beside the statements that it builds from the models.

-- name: extension_schema
-- Where the type vector and its operators live. No row: there is no extension.
select n.nspname
from pg_extension as e
inner join pg_namespace as n on e.extnamespace = n.oid
where e.extname = 'vector';

-- name: has_search_function
-- Whether memories have the search of set fast_search beside them, and this role may call it.
select exists(
    select
    from pg_class as c
    inner join pg_proc as p on c.relnamespace = p.pronamespace
    where
        c.oid = pg_catalog.to_regclass(cast(%(table_name)s as pg_catalog.text))::pg_catalog.oid
        and c.relname = 'memories'
        and p.proname = 'search_memories' and has_function_privilege(p.oid, 'execute')
);

-- What memdb.store asks beside the statements that it builds from the models.

-- name: extension_schema
-- Where the type vector and its operators live. No row: there is no extension.
select n.nspname
from pg_extension as e
inner join pg_namespace as n on e.extnamespace = n.oid
where e.extname = 'vector'

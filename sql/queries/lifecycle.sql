-- What commands ask that use the functions of a set. {schema} is where memories live.

-- name: surroundings
-- Those of these tables that are beside memories, how many of these functions there are, which of those that
-- may be called belong to somebody else, and whether rows are hidden.
select
    array(
        select t.oid::bigint from pg_class as t
        where
            t.relnamespace = c.relnamespace and t.relkind = 'r'
            and t.relname = any(%(tables)s::text[])
    ),
    (
        select count(distinct p.proname) from pg_proc as p
        where p.pronamespace = c.relnamespace and p.proname = any(%(functions)s::text[])
    ),
    array(
        select p.proname::text from pg_proc as p
        where
            p.pronamespace = c.relnamespace and p.proname = any(%(called)s::text[])
            and p.proowner <> c.relowner
    ),
    row_security_active(c.oid)
from pg_class as c
where c.oid = %(memories)s::oid;

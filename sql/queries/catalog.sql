-- What verify-schema and snapshot read: each object as one row, a key and its attributes. Here are those that stand
-- by themselves; tables and views with all that belongs to them are in catalog_tables.sql.
-- It reads pg_catalog only and looks schemas up by name, so that a role with no more than CONNECT may run it.

-- name: objects
with asked as (
    select
        coalesce(w.schema, %(home)s) as schema,
        w.name
    from unnest(%(schemas)s::text[], %(names)s::text[]) as w (schema, name)
),

-- What is asked for, and where it is: everything that was made here, where no name is given.
schemas as (
    select
        n.oid,
        n.nspname,
        n.nspname = %(home)s as is_home,
        case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end as prefix
    from pg_namespace as n
    where
        n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and (
            n.nspname = %(home)s
            or %(names)s::text[] is null
            or n.nspname in (select a.schema from asked as a)
            or n.nspname in (select a.name from asked as a)
        )
),

context as (
    select
        'context' as key,
        jsonb_build_object(
            'server_version', current_setting('server_version'),
            'pgvector_version', (
                select x.extversion
                from pg_extension as x
                where x.extname = 'vector'
            ),
            'qualifiers', (
                select jsonb_agg(distinct quote_ident(n.nspname))
                from pg_namespace as n
                where
                    n.nspname = %(home)s
                    or n.oid in (select x.extnamespace from pg_extension as x)
                    -- the application's users, where the search path has found them in another schema
                    or n.oid in (
                        select u.relnamespace
                        from pg_constraint as f
                        inner join pg_class as u on f.confrelid = u.oid
                        inner join pg_class as r on f.conrelid = r.oid
                        inner join schemas as h on r.relnamespace = h.oid and h.is_home
                        where
                            f.contype = 'f' and u.relname = %(users)s and not exists (
                                select 1
                                from pg_class as c
                                where c.relname = %(users)s and c.relnamespace = h.oid and c.relkind in ('r', 'p')
                            )
                    )
            )
        ) as attributes
),

extensions as (
    select
        'extension ' || quote_ident(extname) as key,
        '{}'::jsonb as attributes
    from pg_extension
    where extname <> 'plpgsql'
),

made_schemas as (
    select
        'schema ' || quote_ident(n.nspname) as key,
        jsonb_build_object('comment', obj_description(n.oid, 'pg_namespace')) as attributes
    from schemas as n
    where
        not n.is_home and n.nspname <> 'public'
        and not exists (
            select 1
            from pg_depend as d
            where d.classid = 'pg_catalog.pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e'
        )
),

types as (
    select
        t.oid,
        t.typtype,
        t.typrelid,
        t.typbasetype,
        t.typtypmod,
        t.typnotnull,
        t.typdefault,
        t.typcollation,
        n.prefix || quote_ident(t.typname) as name,
        obj_description(t.oid, 'pg_type') as comment
    from pg_type as t
    inner join schemas as n on t.typnamespace = n.oid
    where
        t.typtype in ('e', 'd', 'c', 'r')
        and (
            %(names)s::text[] is null or exists (
                select from asked as a
                where a.schema = n.nspname and a.name = t.typname
            )
        )
        and not exists (
            select 1
            from pg_depend as d
            where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
        )
),

enums as (
    select
        'enum ' || t.name as key,
        jsonb_build_object(
            'labels', (
                select jsonb_agg(l.enumlabel order by l.enumsortorder)
                from pg_enum as l
                where l.enumtypid = t.oid
            ),
            'comment', t.comment
        ) as attributes
    from types as t
    where t.typtype = 'e'
),

domains as (
    select
        'domain ' || t.name as key,
        jsonb_build_object(
            'type', format_type(t.typbasetype, t.typtypmod),
            'collation', (
                select quote_ident(l.collname)
                from pg_collation as l
                inner join pg_type as b on t.typbasetype = b.oid
                where l.oid = t.typcollation and l.oid <> b.typcollation
            ),
            'default', t.typdefault,
            'nullable', not t.typnotnull,
            'checks', (
                select
                    jsonb_object_agg(
                        quote_ident(k.conname),
                        pg_get_constraintdef(k.oid)
                    )
                from pg_constraint as k
                where k.contypid = t.oid and k.contype = 'c'
            ),
            'comment', t.comment
        ) as attributes
    from types as t
    where t.typtype = 'd'
),

-- Composite types; tables and views have one as well, which is part of them.
composites as (
    select
        'type ' || t.name as key,
        jsonb_build_object(
            'attributes', (
                select
                    jsonb_agg(
                        quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                        order by a.attnum
                    )
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            ),
            'comment', t.comment
        ) as attributes
    from types as t
    inner join pg_class as c on t.typrelid = c.oid and c.relkind = 'c'
),

ranges as (
    select
        'type ' || t.name as key,
        jsonb_build_object(
            'range', jsonb_strip_nulls(jsonb_build_object(
                'subtype', format_type(r.rngsubtype, null),
                'subtype_opclass', (
                    select quote_ident(o.opcname)
                    from pg_opclass as o
                    where o.oid = r.rngsubopc and not o.opcdefault
                ),
                'collation', (
                    select quote_ident(l.collname)
                    from pg_collation as l
                    inner join pg_type as b on r.rngsubtype = b.oid
                    where l.oid = r.rngcollation and l.oid <> b.typcollation
                ),
                'canonical', nullif(r.rngcanonical, 0)::regproc::text,
                'subtype_diff', nullif(r.rngsubdiff, 0)::regproc::text
            )),
            'comment', t.comment
        ) as attributes
    from types as t
    inner join pg_range as r on t.oid = r.rngtypid
),

-- The sequence of an identity column is part of the column.
sequences as (
    select
        'sequence ' || n.prefix || quote_ident(c.relname) as key,
        jsonb_build_object(
            'type', format_type(s.seqtypid, null),
            'start', s.seqstart,
            'increment', s.seqincrement,
            'min', s.seqmin,
            'max', s.seqmax,
            'cache', s.seqcache,
            'cycle', s.seqcycle,
            'owned_by', (
                select o.prefix || quote_ident(r.relname) || '.' || quote_ident(a.attname)
                from pg_depend as d
                inner join pg_class as r on d.refobjid = r.oid
                inner join schemas as o on r.relnamespace = o.oid
                inner join pg_attribute as a on r.oid = a.attrelid and d.refobjsubid = a.attnum
                where
                    d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'a'
                    and d.refclassid = 'pg_catalog.pg_class'::regclass
            ),
            'unlogged', nullif(c.relpersistence = 'u', false),
            'comment', obj_description(c.oid, 'pg_class')
        ) as attributes
    from pg_class as c
    inner join schemas as n on c.relnamespace = n.oid
    inner join pg_sequence as s on c.oid = s.seqrelid
    where
        c.relname !~ '^(_yoyo_|memdb_)'
        and (
            %(names)s::text[] is null or exists (
                select from asked as a
                where a.schema = n.nspname and a.name = c.relname
            )
        )
        and not exists (
            select 1
            from pg_depend as d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype in ('e', 'i')
        )
),

routines as (
    select
        p.*,
        n.prefix || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' as name
    from pg_proc as p
    inner join schemas as n on p.pronamespace = n.oid
    where
        (%(names)s::text[] is null or exists (
            select from asked as a
            where a.schema = n.nspname and a.name = p.proname
        ))
        and not exists (
            select 1
            from pg_depend as d
            where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        )
),

functions as (
    select
        'function ' || p.name as key,
        jsonb_build_object(
            'kind', case p.prokind when 'p' then 'procedure' when 'w' then 'window' end,
            'arguments', nullif(pg_get_function_arguments(p.oid), ''),
            'result', pg_get_function_result(p.oid),
            'language', l.lanname,
            'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
            'parallel', case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
            'strict', nullif(p.proisstrict, false),
            'leakproof', nullif(p.proleakproof, false),
            'security', case when p.prosecdef then 'definer' else 'invoker' end,
            'config', to_jsonb(p.proconfig),
            'body', case when p.prosqlbody is null then p.prosrc end,
            'sql_body', pg_get_function_sqlbody(p.oid),
            'comment', obj_description(p.oid, 'pg_proc')
        ) as attributes
    from routines as p
    inner join pg_language as l on p.prolang = l.oid
    where p.prokind <> 'a'
),

aggregates as (
    select
        'aggregate ' || p.name as key,
        jsonb_build_object(
            'arguments', nullif(pg_get_function_arguments(p.oid), ''),
            'state', format_type(a.aggtranstype, null),
            'step', a.aggtransfn::text,
            'final', nullif(a.aggfinalfn, 0)::regproc::text,
            'combine', nullif(a.aggcombinefn, 0)::regproc::text,
            'initial', a.agginitval,
            'parallel', case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
            'comment', obj_description(p.oid, 'pg_proc')
        ) as attributes
    from routines as p
    inner join pg_aggregate as a on p.oid = a.aggfnoid
)

select
    objects.key,
    jsonb_strip_nulls(objects.attributes)
from (
    select * from context
    union all
    select * from extensions
    union all
    select * from made_schemas
    union all
    select * from enums
    union all
    select * from domains
    union all
    select * from composites
    union all
    select * from ranges
    union all
    select * from sequences
    union all
    select * from functions
    union all
    select * from aggregates
) as objects;

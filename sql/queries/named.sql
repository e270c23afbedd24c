-- How to make, where a plan is tried, what is there already under names that its text has: what would be made a second
-- time fails there as it does where the plan is going to run. Nothing that others wrote is run by it: functions say
-- that they are not run, triggers do nothing, and checks hold.

-- name: before_tables
-- What tables may be made of, by the schema in which it is made.
with known as (
    select
        n.oid,
        n.nspname,
        lower(%(text)s) as text
    from pg_namespace as n
    where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_temp'
),

made as (
    select
        0 as turn,
        n.oid,
        n.nspname as schema,
        'select 1' as statement
    from known as n
    where position(lower(n.nspname) in n.text) > 0
    union all
    select
        1,
        t.oid,
        n.nspname,
        format(
            case t.typtype
                when 'e' then 'create type %%I.%%I as enum (%%s)'
                when 'd' then 'create domain %%I.%%I as %%s'
                when 'r' then 'create type %%I.%%I as range (subtype = %%s)'
                else 'create type %%I.%%I as (%%s)'
            end,
            n.nspname,
            t.typname,
            case t.typtype
                when 'e'
                    then (
                        select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder)
                        from pg_enum as l
                        where l.enumtypid = t.oid
                    )
                when 'd' then format_type(t.typbasetype, t.typtypmod)
                when 'r'
                    then (
                        select format_type(r.rngsubtype, null)
                        from pg_range as r
                        where r.rngtypid = t.oid
                    )
                else (
                    select
                        string_agg(
                            format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)),
                            ', '
                            order by a.attnum
                        )
                    from pg_attribute as a
                    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
                )
            end
        )
    from pg_type as t
    inner join known as n on t.typnamespace = n.oid
    left join pg_class as c on t.typrelid = c.oid
    where
        (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
        and position(lower(t.typname) in n.text) > 0
    union all
    select
        2,
        p.oid,
        n.nspname,
        format(
            'set local check_function_bodies = off; create %%s %%I.%%I(%%s)%%s language plpgsql %%s as %%L',
            case p.prokind when 'p' then 'procedure' else 'function' end,
            n.nspname,
            p.proname,
            pg_get_function_identity_arguments(p.oid),
            ' returns ' || pg_get_function_result(p.oid),
            case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else '' end,
            -- Undefined, as far as anybody can tell who must not run it.
            format(
                'begin raise exception using errcode = ''undefined_function'', message = %%L; end',
                format('the function %%s is not run where migrations are tried', p.oid::regprocedure)
            )
        )
    from pg_proc as p
    inner join known as n on p.pronamespace = n.oid
    where
        p.prokind in ('f', 'p')
        and position(lower(p.proname) in n.text) > 0
)

select
    quote_ident(m.schema),
    m.statement
from made as m
where
    not exists (
        select
        from pg_depend as d
        where d.objid = m.oid and d.deptype = 'e'
    )
order by m.turn, m.oid;

-- name: after_tables
-- What is in tables or stands on them, and what shares their names, by the schema in which it is made.
with known as (
    select
        c.oid,
        c.relkind,
        c.relname,
        n.nspname,
        lower(%(text)s) as text
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
        and c.relpersistence <> 't'
),

made as (
    select
        0 as turn,
        k.oid,
        k.nspname as schema,
        format(
            'create sequence %%I.%%I%%s',
            k.nspname,
            k.relname,
            (
                select format(' owned by %%s.%%I', a.attrelid::regclass, a.attname)
                from pg_depend as d
                inner join pg_attribute as a on d.refobjid = a.attrelid and d.refobjsubid = a.attnum
                where
                    d.classid = 'pg_catalog.pg_class'::regclass and d.objid = k.oid
                    and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
            )
        ) as statement
    from known as k
    where k.relkind = 'S' and position(lower(k.relname) in k.text) > 0
    union all
    select
        1,
        k.oid,
        k.nspname,
        pg_get_indexdef(k.oid)
    from known as k
    where k.relkind in ('i', 'I') and position(lower(k.relname) in k.text) > 0
    union all
    select
        1,
        c.oid,
        k.nspname,
        format('alter table %%I.%%I add constraint %%I check (true)', k.nspname, k.relname, c.conname)
    from pg_constraint as c
    inner join known as k on c.conrelid = k.oid
    where c.contype = 'c' and position(lower(c.conname) in k.text) > 0
    union all
    select
        1,
        g.oid,
        k.nspname,
        format(
            'create trigger %%I after truncate on %%I.%%I '
            'execute function pg_catalog.suppress_redundant_updates_trigger()',
            g.tgname,
            k.nspname,
            k.relname
        )
    from pg_trigger as g
    inner join known as k on g.tgrelid = k.oid
    where not g.tgisinternal and position(lower(g.tgname) in k.text) > 0
    union all
    select
        2,
        k.oid,
        k.nspname,
        format(
            'create %%s %%I.%%I as select %%s',
            case k.relkind when 'v' then 'view' else 'materialized view' end,
            k.nspname,
            k.relname,
            (
                select
                    string_agg(
                        format('null::%%s as %%I', format_type(a.atttypid, a.atttypmod), a.attname),
                        ', '
                        order by a.attnum
                    )
                from pg_attribute as a
                where a.attrelid = k.oid and a.attnum > 0 and not a.attisdropped
            )
        )
    from known as k
    where k.relkind in ('v', 'm') and position(lower(k.relname) in k.text) > 0
)

select
    quote_ident(m.schema),
    m.statement
from made as m
where
    not exists (
        select
        from pg_depend as d
        where d.objid = m.oid and d.deptype = 'e'
    )
order by m.turn, m.oid;

-- name: extensions
select
    quote_ident(n.nspname),
    format('create extension if not exists %%I schema %%I', e.extname, n.nspname)
from pg_extension as e
inner join pg_namespace as n on e.extnamespace = n.oid
where
    n.nspname not in ('pg_catalog', 'information_schema')
    and position(lower(e.extname) in lower(%(text)s)) > 0;

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

-- name: of_lesser_owners
-- Of these tables and those that are read with them, for a superuser, those whose owners are none.
with recursive asked as (
    select t.oid from unnest(%(tables)s::oid[]) as t (oid)
    union
    select h.inhrelid
    from asked
    inner join pg_inherits as h on asked.oid = h.inhparent
)

select format('%%I.%%I', n.nspname, c.relname)
from asked
inner join pg_class as c on asked.oid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_roles as owner on c.relowner = owner.oid
inner join pg_roles as me on me.rolname = current_user
where c.relkind in ('r', 'p') and me.rolsuper and not owner.rolsuper
order by c.oid;

-- name: code_of_others
-- What of these kinds, of these tables and those that are read with them (partitions, and what inherits from them), or
-- which function of such a name beside them, runs a function of a role that may not do already what this one may.
-- Whoever only reads a table has the constants worked out that are in the expressions of its indexes, statistics and,
-- with constraint_exclusion, constraints; whoever writes runs the others, too. A superuser trusts nobody; other roles
-- trust the owner of a table, and whom its columns trust, but no trigger of anybody else.
with recursive me as (
    select
        r.oid,
        r.rolsuper
    from pg_roles as r
    where r.rolname = current_user
),

asked as (
    select t.oid from unnest(%(tables)s::oid[]) as t (oid)
    union
    select h.inhrelid
    from asked
    inner join pg_inherits as h on asked.oid = h.inhparent
),

parts as (
    select
        'trigger' as kind,
        g.tgname as name,
        g.tgrelid as of_table,
        'pg_trigger'::regclass as class,
        g.oid
    from pg_trigger as g
    where not g.tgisinternal and g.tgenabled <> 'D'
    union all
    select
        'index',
        c.relname,
        i.indrelid,
        'pg_class'::regclass,
        i.indexrelid
    from pg_index as i
    inner join pg_class as c on i.indexrelid = c.oid
    union all
    select
        'statistics object',
        s.stxname,
        s.stxrelid,
        'pg_statistic_ext'::regclass,
        s.oid
    from pg_statistic_ext as s
    union all
    select
        'rule',
        w.rulename,
        w.ev_class,
        'pg_rewrite'::regclass,
        w.oid
    from pg_rewrite as w
    union all
    select
        'column',
        a.attname,
        e.adrelid,
        'pg_attrdef'::regclass,
        e.oid
    from pg_attrdef as e
    inner join pg_attribute as a on e.adrelid = a.attrelid and e.adnum = a.attnum
    union all
    select
        'constraint',
        k.conname,
        k.conrelid,
        'pg_constraint'::regclass,
        k.oid
    from pg_constraint as k
    where k.contype = 'c'
    union all
    select
        'policy',
        p.polname,
        p.polrelid,
        'pg_policy'::regclass,
        p.oid
    from pg_policy as p
    union all
    select
        'table',
        c.relname,
        c.oid as of_table,
        'pg_class'::regclass,
        c.oid
    from pg_class as c
),

called as (
    select
        part.kind,
        part.name,
        part.of_table,
        part.class,
        part.oid
    from parts as part
    cross join me
    where
        part.of_table in (select asked.oid from asked)
        and (part.kind = 'trigger' or me.rolsuper)
        and part.kind = any(%(kinds)s::text[])
    union
    select
        'function',
        p.proname,
        null,
        'pg_proc'::regclass,
        p.oid
    from pg_proc as p
    cross join me
    where
        'function' = any(%(kinds)s::text[]) and p.proname = any(%(functions)s::text[]) and me.rolsuper
        and p.pronamespace in (
            select c.relnamespace from pg_class as c
            where c.oid in (select asked.oid from asked)
        )
    union
    select
        r.kind,
        r.name,
        r.of_table,
        used.used_class,
        used.used_oid
    from called as r
    cross join
        lateral (
            select
                d.refclassid as used_class,
                d.refobjid as used_oid
            from pg_depend as d
            where
                d.classid = r.class and d.objid = r.oid
                and (
                    d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
                    or (d.refclassid = 'pg_class'::regclass and r.class = 'pg_type'::regclass)
                )
            union all
            select
                'pg_constraint'::regclass,
                k.oid
            from pg_constraint as k
            where r.class = 'pg_type'::regclass and k.contypid = r.oid
        ) as used
)

select
    r.kind,
    r.name::text,
    c.relname::text as table_name,
    pg_get_userbyid(coalesce(p.proowner, c.relowner))::text as owner
from called as r
cross join me
left join pg_proc as p on r.class = 'pg_proc'::regclass and r.oid = p.oid
left join pg_class as c on r.of_table = c.oid
where
    (r.class in ('pg_proc'::regclass, 'pg_rewrite'::regclass))
    and not pg_has_role(coalesce(p.proowner, c.relowner), me.oid, 'member')
    and (me.rolsuper or p.proowner <> c.relowner)
order by c.relname, r.name
limit 1;

-- Who else may put objects where a migration's names lead, or have code called by using their tables.
--
-- Whoever is asked about is the present role, and the one that has logged in where that is a superuser: the owner of a
-- database can set a role for all who connect, and what is called can leave that role again. No text here has a
-- backslash: the same owner can set what it means (standard_conforming_strings).

-- name: open_schemas
-- With the roles that may create there, or that own the history there; and whether the present role is a superuser.
-- Names also lead to where the extension is.
with me as (
    select bool_or(r.rolsuper) as rolsuper from pg_roles as r
    where r.rolname in (current_user, session_user)
)

select
    n.nspname,
    array_agg(r.rolname order by r.rolname),
    me.rolsuper
from pg_namespace as n
cross join pg_roles as r
cross join me
where
    (
        n.nspname = any(%(schemas)s)
        or exists (
            select from pg_extension as e
            where e.extname = 'vector' and e.extnamespace = n.oid
        )
    )
    and not r.rolsuper and (me.rolsuper or r.rolname <> current_user) and r.rolname !~ '^pg_'
    and (
        has_schema_privilege(r.oid, n.oid, 'create')
        or exists (
            select from pg_class as c
            where
                c.relnamespace = n.oid and c.relowner = r.oid
                and c.relname in ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'memdb_migrations')
        )
    )
group by n.nspname, me.rolsuper
order by n.nspname;

-- name: of_lesser_owners
-- Of these tables and those that are read with them, for a superuser, those whose owners are none; and whether they can
-- be locked.
with recursive asked as (
    select t.oid from unnest(%(tables)s::oid[]) as t (oid)
    union
    select h.inhrelid
    from asked
    inner join pg_inherits as h on asked.oid = h.inhparent
)

select
    format('%%I.%%I', n.nspname, c.relname),
    c.relkind in ('r', 'p')
from asked
inner join pg_class as c on asked.oid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_roles as owner on c.relowner = owner.oid
where
    not owner.rolsuper
    and exists (
        select from pg_roles as me
        where me.rolname in (current_user, session_user) and me.rolsuper
    )
order by c.oid;

-- name: code_of_others
-- What of these kinds, of these tables and those that are read with them (partitions, and what inherits from them), or
-- which function of such a name beside them, runs a function of a role that may not do already what this one may.
-- Whoever only reads a table has the constants worked out that are in the expressions of its indexes, statistics and,
-- with constraint_exclusion, constraints; whoever writes runs the others, too. A superuser trusts nobody; other roles
-- trust the owner of a table, and whom its columns trust, but no trigger of anybody else. A statement trigger is one
-- that comes after it.
-- Beside functions, these are the statements of rules and views, and foreign tables: any server may be behind those,
-- this one as well. A function of the system is as good as one of theirs where a text tells it what to run, set, read
-- or write: ts_rewrite, set_config, pg_read_file. Of it, and of the type that a JSON function returns, pg_depend knows
-- nothing.
with recursive me as (
    select
        r.oid,
        r.rolsuper
    from pg_roles as r
    where r.rolname = current_user or (r.rolname = session_user and r.rolsuper)
),

asked as (
    select t.oid from unnest(%(tables)s::oid[]) as t (oid)
    union
    select h.inhrelid
    from asked
    inner join pg_inherits as h on asked.oid = h.inhparent
),

-- A row that goes into a partition is checked by the keys of all that it is a partition of.
divided as (
    select
        c.oid as of_table,
        c.oid
    from pg_class as c
    where c.oid in (select asked.oid from asked) and c.relispartition
    union
    select
        d.of_table,
        h.inhparent
    from divided as d
    inner join pg_inherits as h on d.oid = h.inhrelid
),

parts as (
    select
        case when g.tgtype & 3 = 0 then 'statement trigger' else 'trigger' end as kind,
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
    union all
    select
        'table',
        c.relname,
        d.of_table,
        'pg_class'::regclass,
        d.oid
    from divided as d
    inner join pg_class as c on d.oid = c.oid
),

expressions as (
    select
        'pg_attrdef'::regclass as class,
        e.oid,
        e.adbin::text as tree
    from pg_attrdef as e
    union all
    select
        'pg_constraint'::regclass,
        k.oid,
        k.conbin::text
    from pg_constraint as k
    union all
    select
        'pg_trigger'::regclass,
        g.oid,
        g.tgqual::text
    from pg_trigger as g
    union all
    select
        'pg_policy'::regclass,
        p.oid,
        concat(p.polqual, p.polwithcheck)
    from pg_policy as p
    union all
    select
        'pg_class'::regclass,
        i.indexrelid,
        concat(i.indexprs, i.indpred)
    from pg_index as i
    union all
    select
        'pg_class'::regclass,
        k.partrelid,
        k.partexprs::text
    from pg_partitioned_table as k
    union all
    select
        'pg_statistic_ext'::regclass,
        s.oid,
        s.stxexprs::text
    from pg_statistic_ext as s
    union all
    select
        'pg_type'::regclass,
        t.oid,
        t.typdefaultbin::text
    from pg_type as t
),

called as (
    select
        part.kind,
        part.name,
        part.of_table,
        part.class,
        part.oid,
        case
            when part.kind ~ 'trigger'
                then (
                    select min(r.oid::bigint)::oid from pg_roles as r
                    where
                        r.rolname !~ '^pg_' and has_table_privilege(r.oid, c.oid, 'trigger')
                        and not pg_has_role(r.oid, me.oid, 'member')
                )
            else c.relowner
        end as author
    from parts as part
    inner join pg_class as c on part.of_table = c.oid
    cross join me
    where
        part.of_table in (select asked.oid from asked)
        and (part.kind ~ 'trigger' or me.rolsuper)
        and part.kind = any(%(kinds)s::text[])
    union
    select
        'function',
        p.proname,
        null,
        'pg_proc'::regclass,
        p.oid,
        p.proowner
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
        used.used_oid,
        coalesce(t.typowner, v.relowner, r.author)
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
                    or (
                        d.refclassid = 'pg_class'::regclass
                        and (r.class = 'pg_type'::regclass or r.kind = 'policy')
                    )
                )
            union all
            select
                'pg_constraint'::regclass,
                k.oid
            from pg_constraint as k
            where r.class = 'pg_type'::regclass and k.contypid = r.oid
            union all
            -- What "not" makes of an operator, which pg_depend does not know.
            select
                'pg_operator'::regclass,
                o.oprnegate
            from pg_operator as o
            where r.class = 'pg_operator'::regclass and o.oid = r.oid and o.oprnegate <> 0
            union all
            -- How the functions of JSON write a value of the type, which it does not know either.
            select
                'pg_proc'::regclass,
                k.castfunc
            from pg_cast as k
            where
                r.class = 'pg_type'::regclass and k.castsource = r.oid
                and k.casttarget in ('json'::regtype, 'jsonb'::regtype) and k.castfunc <> 0
            union all
            select
                case found.part[1] when 'typ' then 'pg_type'::regclass else 'pg_proc'::regclass end,
                found.part[2]::oid
            from expressions as e
            cross join regexp_matches(e.tree, ':(?:op)?(func|typ)id ([0-9]+)', 'g') as found (part)
            where e.class = r.class and e.oid = r.oid
            union all
            select
                'pg_rewrite'::regclass,
                w.oid
            from pg_rewrite as w
            where r.kind = 'policy' and r.class = 'pg_class'::regclass and w.ev_class = r.oid and w.ev_type = '1'
            union all
            select
                'pg_policy'::regclass,
                p.oid
            from pg_policy as p
            where r.kind = 'policy' and r.class = 'pg_class'::regclass and p.polrelid = r.oid
        ) as used
    left join pg_type as t on used.used_class = 'pg_type'::regclass and used.used_oid = t.oid
    left join pg_class as v on used.used_class = 'pg_class'::regclass and used.used_oid = v.oid
)

select
    r.kind,
    r.name::text,
    c.relname::text as table_name,
    pg_get_userbyid(maker.oid)::text as owner
from called as r
cross join me
left join pg_class as c on r.of_table = c.oid
cross join
    lateral (
        select p.proowner as oid
        from pg_proc as p
        where r.class = 'pg_proc'::regclass and r.oid = p.oid
        union all
        select r.author
        from pg_proc as p
        inner join pg_language as l on p.prolang = l.oid
        where
            r.class = 'pg_proc'::regclass and r.oid = p.oid and l.lanname in ('internal', 'c')
            and (
                (
                    p.provolatile = 'v' and p.proname <> 'gen_salt'
                    and p.proargtypes::oid[] && '{text,varchar,name,cstring}'::regtype[]::oid[]
                )
                or p.proname ~ '_to_xml|^pg_input_|^(array|domain|record|range|multirange)_in$'
            )
        union all
        select r.author
        where r.class = 'pg_rewrite'::regclass
        union all
        -- Its owner can add a check at any time: no lock of a table is in the way of one that is not valid yet.
        select t.typowner
        from pg_type as t
        where
            r.class = 'pg_type'::regclass and r.oid = t.oid and t.typtype = 'd'
            and (r.kind <> 'table' or 'column' = any(%(kinds)s::text[]))
        union all
        select r.author
        from pg_foreign_table as f
        where r.class = 'pg_class'::regclass and r.oid = f.ftrelid
    ) as maker
where not pg_has_role(maker.oid, me.oid, 'member') and (me.rolsuper or maker.oid <> c.relowner)
order by c.relname, r.name
limit 1;

-- Who else may put objects where a migration's names lead, or have code called by using tables.
--
-- Whoever is asked about is the present role, and by_login the one that has logged in where that is a superuser: the
-- owner of a database can set a role for all who connect, and what is called can leave that role again. It can take a
-- role, too: members of a superuser count as superusers (supers), and so do those who may use files or run programs on
-- the server (https://www.postgresql.org/docs/current/predefined-roles.html). No text here has a backslash: the same
-- owner can set what it means (standard_conforming_strings).

-- name: supers
select r.oid
from pg_roles as r
where
    exists (
        select from pg_roles as s
        where
            (
                s.rolsuper
                or s.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
            )
            and pg_has_role(r.oid, s.oid, 'member')
    );

-- name: open_schemas
-- With the roles that may create there, or that own the history there; and whether the present role is a superuser, for
-- whom it is enough that they own what can be called, or a type, whose checks and casts are called: it may be left of a
-- time when they might create there. An owner who may not create can change that at any moment. Names also lead to
-- where the extension is.
with me as (
    select bool_or(r.oid = any(%(supers)s::oid[])) as rolsuper from pg_roles as r
    where r.rolname in (current_user, case when %(by_login)s then session_user end)
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
    and r.oid <> all(%(supers)s::oid[])
    and (me.rolsuper or r.rolname <> current_user)
    and r.rolname !~ '^pg_'
    and (
        has_schema_privilege(r.oid, n.oid, 'create')
        or pg_has_role(r.oid, n.nspowner, 'member')
        or (
            me.rolsuper and (n.oid, r.oid) in (
                select
                    p.pronamespace,
                    p.proowner
                from pg_proc as p
                union all
                select
                    o.oprnamespace,
                    o.oprowner
                from pg_operator as o
                union all
                select
                    t.typnamespace,
                    t.typowner
                from pg_type as t
                left join pg_class as c on t.typrelid = c.oid
                where t.typtype <> 'b' and (c.oid is null or c.relkind = 'c') -- no rows of tables, no arrays
            )
        )
        or exists (
            select from pg_class as c
            where
                c.relnamespace = n.oid and c.relowner = r.oid
                and c.relname in ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'memdb_migrations')
        )
    )
group by n.nspname, me.rolsuper
order by n.nspname;

-- name: others_may_create_schemas
-- Where the present role is a superuser, whether a role that is none may.
select exists(
    select from pg_roles as r
    cross join pg_roles as me
    inner join pg_database as d on d.datname = current_database()
    where
        me.oid = any(%(supers)s::oid[])
        and me.rolname in (current_user, case when %(by_login)s then session_user end)
        and r.oid <> all(%(supers)s::oid[]) and r.rolname !~ '^pg_'
        and (has_database_privilege(r.oid, d.oid, 'create') or pg_has_role(r.oid, d.datdba, 'member'))
);

-- name: of_lesser_owners
-- For a superuser, one of these tables whose owner is none, or of those that are read, checked or indexed with them:
-- partitions, what inherits, and what they are parts of. Or of their schemas and those of their types, which the owner
-- can rename, and have the name lead to what is theirs; or of their types, a cast of which the owner can have call a
-- function. A table that is gone has no owner.
with recursive below as (
    select t.oid from unnest(%(tables)s::oid[]) as t (oid)
    where t.oid is not null
    union
    select h.inhrelid
    from below
    inner join pg_inherits as h on below.oid = h.inhparent
),

family as (
    select below.oid from below
    union
    select h.inhparent
    from family
    inner join pg_inherits as h on family.oid = h.inhrelid
)

select
    maker.name,
    owner.rolname::text
from family
left join pg_class as c on family.oid = c.oid
left join pg_namespace as own on c.relnamespace = own.oid
left join
    lateral (
        select
            1 as place,
            format('%%I.%%I', own.nspname, c.relname) as name,
            c.relowner as oid
        where c.oid is not null
        union all
        select
            2,
            format('the schema %%I', n.nspname),
            case when n.nspowner = 'pg_database_owner'::regrole then d.datdba else n.nspowner end
        from pg_namespace as n
        inner join pg_database as d on d.datname = current_database()
        where
            n.oid = c.relnamespace
            or n.oid in (
                select t.typnamespace from pg_attribute as a
                inner join pg_type as t on a.atttypid = t.oid
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            )
        union all
        select
            3,
            'the type ' || format_type(t.oid, null),
            t.typowner
        from pg_attribute as a
        inner join pg_type as t on a.atttypid = t.oid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as maker
    on true
left join pg_roles as owner on maker.oid = owner.oid
where
    owner.oid = any(%(supers)s::oid[]) is not true
    and exists (
        select from pg_roles as me
        where
            me.rolname in (current_user, case when %(by_login)s then session_user end)
            and me.oid = any(%(supers)s::oid[])
    )
order by maker.place, c.oid
limit 1;

-- name: of_strangers
-- Those of these tables whose owner is neither that of a known one, nor may do already what this role may, nor has
-- given it their own rights: what the owner puts there is called with the rights of whoever reads it.
select
    c.oid::bigint,
    format('%%I.%%I', n.nspname, c.relname),
    owner.rolname::text
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_roles as owner on c.relowner = owner.oid
where
    c.oid = any(%(tables)s::oid[])
    and not pg_has_role(c.relowner, current_user, 'member')
    and not pg_has_role(c.relowner, 'usage')
    and not exists (
        select from pg_class as k
        where k.oid = any(%(known)s::oid[]) and pg_has_role(c.relowner, k.relowner, 'member')
    )
order by c.oid;

-- name: referred_to
-- The tables to which foreign keys of these and their parts lead.
with recursive below as (
    select t.oid from unnest(%(tables)s::oid[]) as t (oid)
    union
    select h.inhrelid
    from below
    inner join pg_inherits as h on below.oid = h.inhparent
)

select distinct con.confrelid::bigint
from pg_constraint as con
where con.contype = 'f' and con.conrelid in (select below.oid from below);

-- name: referrers
-- The tables with foreign keys to these or their parts, and whether the server changes them along; then those with keys
-- to what is changed, and so on. It takes the role of their owners to look into them, and up to PostgreSQL 17 gives it
-- back before it runs what comes after a statement.
with recursive reached as (
    select
        t.oid,
        true as is_changed
    from unnest(%(tables)s::oid[]) as t (oid)
    union
    select
        further.oid,
        further.is_changed
    from reached
    cross join
        lateral (
            select
                con.conrelid as oid,
                con.confdeltype not in ('a', 'r') as is_changed
            from pg_constraint as con
            where con.contype = 'f' and con.confrelid = reached.oid
            union all
            select
                h.inhrelid,
                true
            from pg_inherits as h
            where h.inhparent = reached.oid
        ) as further
    where reached.is_changed
)

select
    r.oid::bigint,
    bool_or(r.is_changed)
from reached as r
where r.oid <> all(%(tables)s::oid[])
group by r.oid;

-- name: keep_triggers_away
-- No trigger, foreign key or policy can be added from now on; who reads or writes rows is not in the way.
lock table {table} in row exclusive mode; -- noqa: PRS

-- name: hold
-- Statements that lock these tables as changing a row does. No foreign key to them can be added meanwhile, no trigger.
select format('lock table %%I.%%I in row exclusive mode', n.nspname, c.relname)
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where
    c.oid = any(%(tables)s::oid[])
    and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'insert, update, delete')
order by c.oid;

-- name: triggers_of_others
-- A trigger of these tables or their parts, or a statement trigger of those that change along, whose function belongs
-- to somebody who may not do already what this role may; or which has a condition or arguments, that may call anything,
-- and such a role could have made it (by_privilege). Nobody knows who has made a trigger.
with recursive me as (
    select
        r.oid,
        r.oid = any(%(supers)s::oid[]) as rolsuper
    from pg_roles as r
    where
        r.rolname = current_user
        or (%(by_login)s and r.rolname = session_user and r.oid = any(%(supers)s::oid[]))
),

asked as (
    select
        t.oid,
        false as is_along
    from unnest(%(tables)s::oid[]) as t (oid)
    union
    select
        t.oid,
        true
    from unnest(%(along)s::oid[]) as t (oid)
    union
    select
        h.inhrelid,
        asked.is_along
    from asked
    inner join pg_inherits as h on asked.oid = h.inhparent
)

select
    g.tgname::text,
    c.relname::text,
    pg_get_userbyid(maker.oid)::text,
    maker.oid <> p.proowner as by_privilege
from asked
inner join pg_class as c on asked.oid = c.oid
inner join pg_trigger as g on c.oid = g.tgrelid
inner join pg_proc as p on g.tgfoid = p.oid
cross join me
cross join
    lateral (
        select p.proowner as oid
        union all
        select r.oid
        from pg_roles as r
        where
            (g.tgqual is not null or g.tgnargs > 0)
            and r.rolname !~ '^pg_' and has_table_privilege(r.oid, c.oid, 'trigger')
    ) as maker
where
    not g.tgisinternal and g.tgenabled <> 'D' and (not asked.is_along or g.tgtype & 1 = 0)
    and not pg_has_role(maker.oid, me.oid, 'member')
    and (
        me.rolsuper
        or maker.oid not in (
            select t.relowner from pg_class as t
            where t.oid = any(%(tables)s::oid[]) or (t.oid = c.oid and not asked.is_along)
        )
    )
order by asked.is_along, c.relname, g.tgname, maker.oid
limit 1;

-- name: policies_of_others
-- For a superuser, a policy of this table that uses something, by whichever ways, whose owner is none.
with recursive used as (
    select
        p.polname,
        p.polrelid,
        'pg_policy'::regclass::oid as class,
        p.oid
    from pg_policy as p
    where p.polrelid = %(table)s::oid
    union
    select
        u.polname,
        u.polrelid,
        further.class,
        further.oid
    from used as u
    cross join
        lateral (
            select
                d.refclassid as class,
                d.refobjid as oid
            from pg_depend as d
            where d.classid = u.class and d.objid = u.oid and d.refclassid <> 'pg_extension'::regclass
            union all
            select
                'pg_rewrite'::regclass,
                w.oid
            from pg_rewrite as w
            where u.class = 'pg_class'::regclass and w.ev_class = u.oid and w.ev_type = '1'
            union all
            select
                'pg_policy'::regclass,
                p.oid
            from pg_policy as p
            where u.class = 'pg_class'::regclass and p.polrelid = u.oid
            union all
            select
                'pg_class'::regclass,
                h.inhrelid
            from pg_inherits as h
            where u.class = 'pg_class'::regclass and h.inhparent = u.oid
        ) as further
)

select
    u.polname::text,
    u.polrelid::regclass::text,
    owner.rolname::text
from used as u
inner join pg_shdepend as s on u.class = s.classid and u.oid = s.objid and s.deptype = 'o'
inner join pg_database as d on s.dbid = d.oid and d.datname = current_database()
inner join pg_roles as owner on s.refobjid = owner.oid
where
    owner.oid <> all(%(supers)s::oid[]) and u.class <> 'pg_namespace'::regclass
    and exists (
        select from pg_roles as me
        where
            me.rolname in (current_user, case when %(by_login)s then session_user end)
            and me.oid = any(%(supers)s::oid[])
    )
order by u.polname, u.oid
limit 1;

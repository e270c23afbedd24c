-- What memdb forget asks: where rows of a user are, and what else keeps what is deleted. {schema} is where memories
-- live.

-- name: holders
-- The tables with a path to a user: users itself; memdb's, which are memories and those named memory_… beside it; and
-- what foreign keys lead to these from, as long as rows go with what they refer to. has_user_id: whose row it is, the
-- row itself says, with a foreign key or without; text, varchar and a domain over them may hold the same id. says_text:
-- of the two, one is a uuid, and the other text. names_others: it is a number by which a foreign key refers to another
-- table, from which none leads on to users: two tables number their rows alike, and nobody gives a uuid twice.
with recursive meant as (
    select
        a.attrelid,
        a.attnum
    from pg_attribute as a
    where a.attrelid = %(users)s::oid or (a.attrelid = %(memories)s::oid and a.attname = 'user_id')
    union
    select
        f.conrelid,
        c.child
    from meant
    inner join pg_constraint as f on meant.attrelid = f.confrelid and f.contype = 'f'
    cross join lateral unnest(f.conkey, f.confkey) as c (child, parent)
    where c.parent = meant.attnum
),

keys as (
    select
        a.attrelid,
        exists (
            select from pg_constraint as f
            where f.contype = 'f' and f.conrelid = a.attrelid and a.attnum = any(f.conkey)
        ) and (a.attrelid, a.attnum) not in (
            select
                meant.attrelid,
                meant.attnum
            from meant
        ) as refers_elsewhere,
        case
            when t.typcategory = 'S' then 'text'::regtype
            when coalesce(nullif(t.typbasetype, 0), t.oid) in ('int2'::regtype, 'int4'::regtype) then 'int8'::regtype
            else coalesce(nullif(t.typbasetype, 0), t.oid)
        end as comparable
    from pg_attribute as a
    inner join pg_type as t on a.atttypid = t.oid
    where a.attname = 'user_id'
),

own as (
    select
        c.oid,
        (a.comparable = o.comparable and not (a.refers_elsewhere and a.comparable = 'int8'::regtype))
        or (
            a.comparable in ('text'::regtype, 'uuid'::regtype) and o.comparable in ('text'::regtype, 'uuid'::regtype)
        ) as has_user_id,
        a.comparable <> o.comparable as says_text
    from pg_class as m
    inner join pg_class as c on m.relnamespace = c.relnamespace
    inner join keys as o on m.oid = o.attrelid
    left join keys as a on c.oid = a.attrelid
    where
        m.oid = %(memories)s::oid and c.relkind in ('r', 'p') and not c.relispartition
        and (c.oid = m.oid or starts_with(c.relname, 'memory_'))
),

reached as (
    select %(users)s::oid as oid
    union
    select own.oid from own
    where own.has_user_id
    union
    select f.conrelid
    from reached
    inner join pg_constraint as f on reached.oid = f.confrelid and f.contype = 'f' and f.conparentid = 0
    where f.confdeltype = 'c'
),

named as (
    select reached.oid from reached
    union
    select f.conrelid from reached
    inner join pg_constraint as f on reached.oid = f.confrelid and f.contype = 'f' and f.conparentid = 0
)

select
    c.oid::bigint as oid,
    n.nspname::text as schema,
    c.relname::text as name,
    format('%%I.%%I', n.nspname, c.relname) as shown,
    own.oid is not null as is_own,
    coalesce(own.has_user_id, false) as has_user_id,
    coalesce(own.has_user_id and own.says_text, false) as says_text,
    coalesce(keys.refers_elsewhere and keys.comparable = 'int8'::regtype, false) as names_others,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as may_read,
    row_security_active(c.oid) as is_hidden
from named
inner join pg_class as c on named.oid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
left join own on c.oid = own.oid
left join keys on c.oid = keys.attrelid
order by c.oid <> %(memories)s::oid, own.oid is null, n.nspname, c.relname;

-- name: unlike
-- Of memdb's tables, those with a user_id of a type unlike the ids of users that refers to nothing: whose rows these
-- are, nothing says.
select format('%%I.%%I', n.nspname, c.relname)
from pg_class as m
inner join pg_namespace as n on m.relnamespace = n.oid
inner join pg_class as c
    on m.relnamespace = c.relnamespace and c.relkind in ('r', 'p') and not c.relispartition
inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'user_id'
where
    m.oid = %(memories)s::oid and starts_with(c.relname, 'memory_') and c.oid <> all(%(compared)s::oid[])
    and not exists (
        select from pg_constraint as f
        where f.contype = 'f' and f.conrelid = c.oid and a.attnum = any(f.conkey)
    )
order by c.relname;

-- name: references
-- The foreign keys to these tables, with what becomes of a row when the one goes that it refers to.
select
    f.conrelid::bigint as holder,
    f.confrelid::bigint as target,
    array(
        select a.attname::text from unnest(f.conkey) with ordinality as k (number, place)
        inner join pg_attribute as a on a.attrelid = f.conrelid and k.number = a.attnum
        order by k.place
    ) as columns,
    array(
        select a.attname::text from unnest(f.confkey) with ordinality as k (number, place)
        inner join pg_attribute as a on a.attrelid = f.confrelid and k.number = a.attnum
        order by k.place
    ) as target_columns,
    array(
        select format_type(a.atttypid, null) from unnest(f.confkey) with ordinality as k (number, place)
        inner join pg_attribute as a on a.attrelid = f.confrelid and k.number = a.attnum
        order by k.place
    ) as types,
    case f.confdeltype
        when 'c' then 'cascade'
        when 'n' then 'set null'
        when 'd' then 'set default'
        when 'r' then 'restrict'
        else 'no action'
    end as on_delete
from pg_constraint as f
where f.contype = 'f' and f.conparentid = 0 and f.confrelid = any(%(tables)s::oid[])
order by f.oid;

-- name: user
select t.{key}
from {users} as t -- noqa: PRS
where t.{key} = %(user)s;

-- name: lock_user
-- Until this ends, nothing new can refer to the user.
select t.{key}
from {users} as t -- noqa: PRS
where t.{key} = %(user)s
for update of t;

-- name: lock_memories
-- Nothing new can refer to them either. In the order of their ids, as recalls are noted.
select count(*) from (
    select m.id
    from {schema}.memories as m -- noqa: PRS
    where m.user_id = %(user)s
    order by m.id
    for update of m
) as locked;

-- name: mentioned
-- Archived memories of others that have rows of the user beside them: such as say so themselves, from tables whose
-- names begin so, and such as refer to what goes.
select count(*)
from {schema}.memory_archive as a -- noqa: PRS
where
    a.user_id <> %(user)s
    and exists (
        select from jsonb_each(a.beside) as e
        cross join jsonb_path_query(e.value, '$[*]') as r (kept)
        where
            (
                starts_with(e.key, %(prefix)s) and r.kept ->> 'user_id' = %(user)s::text
                and not exists (
                    select from unnest(%(others)s::text[]) as o (place)
                    where starts_with(e.key, o.place)
                )
            )
            or exists (
                select from jsonb_to_recordset(%(referring)s::jsonb) as c (place text, name text, keys jsonb)
                where starts_with(e.key, c.place) and c.keys ? (r.kept ->> c.name)
            )
    );

-- name: take_out
-- These rows go, and the memories stay.
with beside as (
    select
        a.id,
        a.user_id,
        e.key,
        r.kept,
        r.place,
        (
            starts_with(e.key, %(prefix)s) and coalesce(r.kept ->> 'user_id' = %(user)s::text, false)
            and not exists (
                select from unnest(%(others)s::text[]) as o (place)
                where starts_with(e.key, o.place)
            )
        )
        or exists (
            select from jsonb_to_recordset(%(referring)s::jsonb) as c (place text, name text, keys jsonb)
            where starts_with(e.key, c.place) and c.keys ? (r.kept ->> c.name)
        ) as is_theirs
    from {schema}.memory_archive as a -- noqa: PRS
    cross join jsonb_each(a.beside) as e
    cross join jsonb_path_query(e.value, '$[*]') with ordinality as r (kept, place)
    where a.user_id <> %(user)s
),

shorter as (
    select
        b.id,
        b.user_id,
        b.key,
        coalesce(jsonb_agg(b.kept order by b.place) filter (where not b.is_theirs), '[]') as kept
    from beside as b
    group by b.id, b.user_id, b.key
    having bool_or(b.is_theirs)
),

changed as (
    select
        s.id,
        s.user_id,
        jsonb_object_agg(s.key, s.kept) as beside
    from shorter as s
    group by s.id, s.user_id
)

update {schema}.memory_archive as a -- noqa: PRS
set beside = a.beside || c.beside
from changed as c
where a.id = c.id and a.user_id = c.user_id;

-- name: rows_deleted
-- How many rows of a table and its parts this session has deleted, by foreign keys and triggers as well: in this
-- transaction, and in some before. Nothing where the server does not count.
with recursive parts as (
    select %(table)s::oid as oid
    union
    select h.inhrelid
    from parts
    inner join pg_inherits as h on parts.oid = h.inhparent
)

select sum(pg_stat_get_xact_tuples_deleted(parts.oid))::bigint
from parts
where current_setting('track_counts')::boolean;

-- name: tombstones
-- The tables of the set erasure, where it is applied.
select t.oid::bigint from pg_class as m
inner join pg_class as t on m.relnamespace = t.relnamespace and t.relkind = 'r'
where m.oid = %(memories)s::oid and t.relname in ('memory_forgotten_users', 'memory_forgotten_salt');

-- name: note
insert into {schema}.memory_forgotten_users as f (digest) -- noqa: PRS
select sha256(s.salt || convert_to(%(user)s::text, 'UTF8'))
from {schema}.memory_forgotten_salt as s
on conflict (digest) do update set forgotten_at = default;

-- name: forgotten
-- Those of the given users, as text, who were forgotten.
select given.id
from unnest(%(users)s::text[]) as given (id)
cross join {schema}.memory_forgotten_salt as s -- noqa: PRS
where
    exists (
        select from {schema}.memory_forgotten_users as f
        where f.digest = sha256(s.salt || convert_to(given.id, 'UTF8'))
    )
order by given.id;

-- name: hides_forgotten
-- Whether policies decide what of these tables this role sees.
select bool_or(row_security_active(t.oid)) from unnest(%(tables)s::oid[]) as t (oid);

-- name: spoken_for
-- The user for whom policies of the set row_security let this role speak at present.
select coalesce(current_setting('memdb.user_id', true), '');

-- name: remains
-- Where what was deleted may still be: in materialized views, whatever views are in between; in pages until they are
-- vacuumed, in the log, and in what reads the log.
with recursive shown as (
    select unnest(%(tables)s::oid[]) as oid
    union
    select r.ev_class
    from shown
    inner join pg_depend as d on d.refclassid = 'pg_class'::regclass and shown.oid = d.refobjid
    inner join pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
)

select
    array(
        select format('refresh materialized view %%I.%%I;', n.nspname, c.relname)
        from shown
        inner join pg_class as c on shown.oid = c.oid and c.relkind = 'm'
        inner join pg_namespace as n on c.relnamespace = n.oid
        order by c.oid
    ) as refreshes,
    array(
        select format('vacuum (analyze) %%I.%%I;', n.nspname, c.relname)
        from unnest(%(tables)s::oid[]) with ordinality as t (oid, place)
        inner join pg_class as c on t.oid = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        order by t.place
    ) as vacuums,
    current_setting('archive_mode') <> 'off' as is_archived,
    (
        select count(*) from pg_stat_replication
    ) as replicas,
    array(
        select s.slot_name::text from pg_replication_slots as s
        order by s.slot_name
    ) as slots;

-- How memories are taken along: which tables travel, and what their rows are held to where they arrive. {schema} is
-- where memories are, {table} a table there. Statements with the columns of a table are put together in
-- memdb/moving/statements.py.

-- name: settings
-- Values are written and read in one form, whatever the database's settings are. A limit meant for an application's
-- queries is too short here. The last lets the server notice soon that this client is gone.
select
    set_config('timezone', 'UTC', true),
    set_config('datestyle', 'ISO', true),
    set_config('intervalstyle', 'postgres', true),
    set_config('bytea_output', 'hex', true),
    set_config('extra_float_digits', '1', true),
    set_config('statement_timeout', '0', true),
    (
        select set_config(s.name, '0', true) from pg_settings as s
        where s.name = 'transaction_timeout'
    ),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('client_connection_check_interval', '2s', true);

-- name: look_up_by_key
-- Of a table that fills, nothing is known yet: it would be read whole for a hundred rows.
select set_config('enable_seqscan', 'off', true);

-- name: tables
-- memories, their collections, those that are archived, and the tables beside memories whose rows are deleted together
-- with them, in an order in which rows can be stored, the archive last, as what it holds refers to others. Left out are
-- columns that the database fills by itself, those by which it numbers rows beside memories among them, and embedding,
-- which has its own way. Of which kind a value is: 'user' is the key of a user with whom the row goes, 'reference' that
-- of another one, however many tables foreign keys lead through; 'others' is a user_id that leads elsewhere, 'id' one
-- that new ids replace; 'beside' and 'noted' are objects that hold such ids, and numbers say of which table the number
-- is that a column has, where rows of these tables refer to each other by such. within: columns that refer to a row of
-- the same table, by its column within_key. The key is the primary one if all of it travels and is not numbered, or
-- else another that is unique.
with recursive found as (
    select
        c.oid,
        c.relname,
        c.oid = %(memories)s::oid or c.relname in ('memory_collections', 'memory_archive') as has_owner
    from pg_class as m
    inner join pg_class as c on m.relnamespace = c.relnamespace and c.relkind in ('r', 'p') and not c.relispartition
    where
        m.oid = %(memories)s::oid
        and (
            c.oid = m.oid
            or exists (
                select from pg_constraint as f
                inner join pg_attribute as a on f.conrelid = a.attrelid and a.attnum = any(f.conkey)
                where
                    f.contype = 'f' and f.conrelid = c.oid
                    and (
                        (a.attname = 'memory_id' and f.confrelid = m.oid and f.confdeltype = 'c')
                        or (
                            c.relname in ('memory_collections', 'memory_archive') and a.attname = 'user_id'
                            and f.confrelid = %(users)s::oid
                        )
                    )
            )
        )
),

travelling as (
    select
        t.oid,
        a.attnum,
        a.attnotnull,
        a.attnum = any(p.indkey) as is_primary,
        not t.has_owner
        and (a.attidentity <> '' or coalesce(pg_get_expr(d.adbin, d.adrelid), '') like 'nextval(%%') as is_number
    from found as t
    inner join pg_attribute as a
        on
            t.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
            and a.attgenerated = ''
            and not (t.relname in ('memories', 'memory_archive') and a.attname = 'embedding')
    left join pg_index as p on t.oid = p.indrelid and p.indisprimary
    left join pg_attrdef as d on t.oid = d.adrelid and a.attnum = d.adnum
    where
        (
            a.attidentity = ''
            and (t.has_owner or coalesce(pg_get_expr(d.adbin, d.adrelid), '') not like 'nextval(%%')
        )
        or (
            not t.has_owner
            and exists (
                select from pg_constraint as f
                inner join found as x on f.conrelid = x.oid
                where f.contype = 'f' and f.confrelid = t.oid and a.attnum = any(f.confkey)
            )
        )
),

chains as (
    select
        found.oid,
        array[found.oid] as passed
    from found
    union all
    select
        f.conrelid,
        c.passed || f.conrelid
    from chains as c
    inner join pg_constraint as f on f.contype = 'f' and f.conparentid = 0 and c.oid = f.confrelid
    inner join found on f.conrelid = found.oid
    where found.oid <> all(c.passed)
),

meant as (
    select
        a.attrelid,
        a.attnum
    from pg_attribute as a
    where
        a.attrelid = %(users)s::oid
        or (
            a.attname = 'user_id'
            and a.attrelid in (
                select found.oid from found
                where found.has_owner
            )
        )
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
    select distinct on (i.indrelid)
        i.indrelid,
        i.indkey[0:i.indnkeyatts - 1] as columns
    from found as t
    inner join pg_index as i on t.oid = i.indrelid
    where
        i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
        and not exists (
            select from unnest(i.indkey[0:i.indnkeyatts - 1]) as k (attnum)
            where
                k.attnum not in (
                    select a.attnum from travelling as a
                    where a.oid = i.indrelid and a.attnotnull and not a.is_number
                )
        )
    order by i.indrelid asc, i.indisprimary desc, i.indexrelid asc
)

select
    t.relname::text as name,
    t.oid::bigint as oid,
    t.has_owner,
    row_security_active(t.oid) as is_hidden,
    array_agg(a.attname::text order by a.attnum) as columns,
    array_agg(format_type(a.atttypid, a.atttypmod) order by a.attnum) as types,
    array_agg(
        case
            when t.has_owner and a.attname = 'user_id' then 'user'
            when refers.to_user and (a.attname = 'user_id' or (refers.along and starts_with(t.relname, 'memory_')))
                then 'user'
            when refers.to_user then 'reference'
            when a.attname = 'user_id' and not refers.to_user then 'others'
            when v.is_number or refers.number_of is not null then 'number'
            when
                a.atttypid = 'uuid'::regtype
                and (
                    v.is_primary
                    or refers.to_row
                    or (t.relname = 'memory_archive' and a.attname = 'replaced_by')
                )
                then 'id'
            when t.relname = 'memory_archive' and a.attname = 'beside' then 'beside'
            when t.relname = 'memory_merges' and a.attname in ('noted_before', 'noted_after') then 'noted'
            else ''
        end
        order by a.attnum
    ) as kinds,
    coalesce(array_agg(a.attname::text order by a.attnum) filter (where a.attnum = any(k.columns)), '{}') as key,
    coalesce(
        array_agg(a.attname::text)
        filter (where v.attnotnull and a.atttypid in ('json'::regtype, 'jsonb'::regtype)), '{}'
    ) as never_null,
    coalesce(array_agg(a.attname::text) filter (where refers.within = within.key), '{}') as within,
    within.key as within_key,
    array_agg(
        case when v.is_number then concat(t.relname, '.', a.attname) else refers.number_of end order by a.attnum
    ) as numbers,
    counted.names as counted,
    counted.numbering
from found as t
inner join travelling as v on t.oid = v.oid
inner join pg_attribute as a on t.oid = a.attrelid and v.attnum = a.attnum
left join keys as k on t.oid = k.indrelid
left join lateral (
    select
        bool_or(m.attnum is not null) as to_user,
        bool_or(case when f.confrelid = %(users)s::oid then f.confdeltype = 'c' else x.oid is not null end) as along,
        bool_or(x.oid is not null and p.attname = 'id') as to_row,
        min(p.attname::text) filter (where f.confrelid = t.oid and c.child <> c.parent) as within,
        min(concat(x.relname, '.', p.attname)) filter (where n.is_number) as number_of
    from pg_constraint as f
    cross join lateral unnest(f.conkey, f.confkey) as c (child, parent)
    inner join pg_attribute as p on f.confrelid = p.attrelid and c.parent = p.attnum
    left join found as x on f.confrelid = x.oid
    left join meant as m on f.confrelid = m.attrelid and c.parent = m.attnum
    left join travelling as n on f.confrelid = n.oid and c.parent = n.attnum
    where f.contype = 'f' and f.conrelid = t.oid and c.child = a.attnum
) as refers on true
left join lateral (
    select min(p.attname::text) as key
    from pg_constraint as f
    cross join lateral unnest(f.conkey, f.confkey) as c (child, parent)
    inner join pg_attribute as p on f.confrelid = p.attrelid and c.parent = p.attnum
    where f.contype = 'f' and f.conrelid = t.oid and f.confrelid = t.oid and c.child <> c.parent
) as within on true
left join lateral (
    select
        coalesce(array_agg(n.attname::text order by n.attnum <> all(i.indkey), n.attnum), '{}') as names,
        coalesce(
            array_agg(
                case
                    when n.attidentity = '' then pg_get_expr(d.adbin, d.adrelid)
                    else format('nextval(%%L::regclass)', pg_get_serial_sequence(t.oid::regclass::text, n.attname))
                end
                order by n.attnum <> all(i.indkey), n.attnum
            ), '{}'
        ) as numbering
    from pg_attribute as n
    left join pg_index as i on n.attrelid = i.indrelid and i.indisprimary
    left join pg_attrdef as d on n.attrelid = d.adrelid and n.attnum = d.adnum
    where
        n.attrelid = t.oid and n.attnum > 0 and not n.attisdropped and not t.has_owner
        and (n.attidentity <> '' or pg_get_expr(d.adbin, d.adrelid) like 'nextval(%%')
) as counted on true
group by t.oid, t.relname, t.has_owner, within.key, counted.names, counted.numbering
order by
    t.oid <> %(memories)s::oid,
    t.relname = 'memory_archive' and not exists (
        select from chains as c
        where c.passed[1] = t.oid and c.oid <> t.oid
    ),
    not t.has_owner,
    (
        select max(cardinality(c.passed)) from chains as c
        where c.oid = t.oid
    ),
    t.oid;

-- name: model
-- What the schema says of embeddings, the model among it.
select col_description(a.attrelid, a.attnum)
from pg_attribute as a
where a.attrelid = %(memories)s::oid and a.attname = 'embedding';

-- name: users_of
select count(distinct t.user_id)
from {schema}.memories as t -- noqa: PRS
where %(user)s::text is null or t.user_id = %(user)s::{user_type};

-- name: of_others
-- An id that is to be stored for one user, and belongs to another.
select min(t.id::text)
from {table} as t -- noqa: PRS
where
    t.id = any(%(ids)s::uuid[])
    and t.user_id <> (%(users)s::{user_type}[])[array_position(%(ids)s::uuid[], t.id)];

-- name: beside_new
-- How many of the given rows beside memories are of such as this very transaction has stored, and so are to be stored.
select count(*)
from unnest(%s::uuid[]) as given (memory_id)
inner join {schema}.memories as m on given.memory_id = m.id
where m.xmin = pg_current_xact_id()::xid;

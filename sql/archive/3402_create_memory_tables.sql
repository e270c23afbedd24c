-- What else makes up a memory, from the catalog: the columns that an application has added to memories, and the tables
-- whose rows are deleted together with a memory. With each, the parts of the statements that read and write its rows.
--
-- Values are kept as texts, which every type reads as it has written them; JSON would lose some. A column that came
-- later gets its default. A column user_id that refers to users or memories is not kept where it says the memory's
-- user, and comes back as that, who may be another one where memories are imported; what others wrote stays theirs.
-- Rows that would have been deleted meanwhile with something else that they refer to, such as a collection, stay away.
-- A column that such a deletion would have emptied, such as source_id of memory_sources, comes back empty; so does any
-- other one that may be empty, where what it refers to has gone. Tables come after those to which they refer.
create function memory_tables(memories regclass)
returns table (name text, of regclass, key text, columns text, kept text, given text, holds text, refused text)
language sql stable
set search_path = ''
begin atomic

    with recursive referring as (
        select
            i.attrelid as oid,
            i.attnum,
            null::oid as constraint_oid,
            null::text as refused
        from pg_attribute as i
        where i.attrelid = memories and i.attname = 'id'
        union all
        select
            f.conrelid as oid,
            f.conkey[array_position(f.confkey, i.attnum)] as attnum,
            f.oid as constraint_oid,
            case
                when f.conrelid = memories
                    then format('by %s, others would be deleted with those that they refer to', f.conname)
                when t.relowner <> m.relowner and not o.rolsuper
                    then format('%s refers to them, and belongs to somebody else', f.conrelid::regclass)
                else (
                    select format('%s would lose rows that refer to %s', d.conrelid::regclass, f.conrelid::regclass)
                    from pg_constraint as d
                    where
                        d.contype = 'f' and d.confrelid = f.conrelid and d.conrelid <> f.conrelid
                        and d.confdeltype = 'c' and d.conparentid = 0
                    limit 1 -- noqa: AM09
                )
            end as refused
        from pg_constraint as f
        inner join pg_attribute as i on f.confrelid = i.attrelid and i.attname = 'id'
        inner join pg_class as m on f.confrelid = m.oid
        inner join pg_class as t on f.conrelid = t.oid
        inner join pg_roles as o on t.relowner = o.oid
        where
            f.contype = 'f' and f.confrelid = memories and f.confdeltype = 'c' and f.conparentid = 0
            and i.attnum = any(f.confkey)
    ),

    chains as (
        select
            r.oid,
            array[r.oid] as passed
        from referring as r
        where r.oid <> memories
        union all
        select
            f.conrelid as oid,
            c.passed || f.conrelid as passed
        from chains as c
        inner join pg_constraint as f on f.contype = 'f' and f.conparentid = 0 and c.oid = f.confrelid
        where f.conrelid <> all(c.passed || memories::oid) and f.conrelid in (select r.oid from referring as r)
    )

    select
        case
            when t.oid = memories then 'memories'
            else concat_ws('.', case when t.relnamespace <> m.relnamespace then n.nspname end, t.relname, k.attname)
        end as name,
        t.oid::regclass as of,
        k.attname::text as key,
        coalesce(c.columns, '') as columns,
        format('jsonb_object(array[%s]::text[], array[%s]::text[])', c.names, c.texts)
        || case when w.attnum is null then '' else format(
            ' - case when t.user_id::text = (select o.user_id::text from %s as o where o.id = t.%I)'
            ' then ''user_id'' else '''' end',
            memories, k.attname
        ) end as kept,
        coalesce(c.given, '') as given,
        coalesce(h.holds, 'true') as holds,
        r.refused
    from referring as r
    inner join pg_class as t on r.oid = t.oid
    inner join pg_namespace as n on t.relnamespace = n.oid
    inner join pg_class as m on m.oid = memories
    inner join pg_attribute as k on r.oid = k.attrelid and r.attnum = k.attnum
    left join
        lateral (
            select
                a.attnum,
                min(v.oid) filter (where v.confrelid <> memories and v.conkey = array[a.attnum]) as oid
            from pg_constraint as v
            inner join pg_attribute as a on v.conrelid = a.attrelid and a.attname = 'user_id'
            where
                r.oid <> memories and v.contype = 'f' and v.conrelid = r.oid and a.attnum = any(v.conkey)
                and v.confrelid in (
                    memories,
                    (
                        select o.confrelid from pg_constraint as o
                        where
                            o.contype = 'f' and o.conrelid = memories
                            and o.conkey = array(
                                select u.attnum from pg_attribute as u
                                where u.attrelid = memories and u.attname = 'user_id'
                            )
                        limit 1 -- noqa: AM09
                    )
                )
            group by a.attnum
        ) as w
        on true
    cross join
        lateral (
            select
                string_agg(format(', %I', a.attname), '' order by a.attnum) as columns,
                string_agg(quote_literal(a.attname), ', ' order by a.attnum) as names,
                string_agg(format('t.%I::text', a.attname), ', ' order by a.attnum) as texts,
                string_agg(
                    format(
                        ', case when r.kept ? %1$L then ' || coalesce(
                            (
                                select
                                    format(
                                        '(select p.%1$s from %2$s as p where p.%1$s = (r.kept ->> %%1$L)::%%2$s%3$s)',
                                        replace(quote_ident(b.attname), '%', '%%'),
                                        replace(g.confrelid::regclass::text, '%', '%%'),
                                        case when g.confrelid = r.oid then format(
                                            ' union select (r.kept ->> %%1$L)::%%2$s from coming as o'
                                            ' where o.kept ->> %L = r.kept ->> %%1$L',
                                            replace(b.attname, '%', '%%')
                                        ) else '' end
                                    )
                                from pg_constraint as g
                                inner join pg_attribute as b
                                    on g.confrelid = b.attrelid and g.confkey = array[b.attnum]
                                where
                                    g.contype = 'f' and g.conrelid = r.oid and g.conkey = array[a.attnum]
                                    and (
                                        g.confdeltype = 'n'
                                        or (
                                            g.confdeltype in ('a', 'r') and not g.condeferred and not a.attnotnull
                                            and a.attnum is distinct from w.attnum
                                            and has_table_privilege(g.confrelid, 'select')
                                            and not row_security_active(g.confrelid)
                                        )
                                    )
                                limit 1 -- noqa: AM09
                            ), '(r.kept ->> %1$L)::%2$s'
                        ) || ' else %3$s end',
                        a.attname,
                        format_type(a.atttypid, a.atttypmod),
                        case when a.attnum = w.attnum then 'r.user_id' else coalesce(
                            (
                                select pg_get_expr(e.adbin, e.adrelid) from pg_attrdef as e
                                where e.adrelid = a.attrelid and e.adnum = a.attnum
                            ), 'null'
                        ) end
                    ),
                    '' order by a.attnum
                ) as given
            from pg_attribute as a
            where
                a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                and a.attnum <> r.attnum
                and not (
                    r.oid = memories and a.attname in (
                        'user_id', 'memory_type', 'content', 'embedding', 'metadata', 'created_at', 'accessed_at'
                    )
                )
        ) as c
    cross join
        lateral (
            select
                string_agg(
                    format(
                        '(num_nulls(%1$s) > 0 or exists (select from %2$s as p where (%3$s) = (%1$s))%4$s)',
                        x.referring, g.confrelid::regclass, x.referred,
                        case
                            when g.confrelid = g.conrelid then format(' or (%s) = (%s)', x.own, x.referring) else ''
                        end
                    ),
                    ' and '
                ) as holds
            from pg_constraint as g
            cross join
                lateral (
                    select
                        string_agg(format('t.%I', a.attname), ', ' order by u.place) as referring,
                        string_agg(format('p.%I', b.attname), ', ' order by u.place) as referred,
                        string_agg(format('t.%I', b.attname), ', ' order by u.place) as own
                    from generate_subscripts(g.conkey, 1) as u (place)
                    inner join pg_attribute as a on g.conrelid = a.attrelid and a.attnum = g.conkey[u.place]
                    inner join pg_attribute as b on g.confrelid = b.attrelid and b.attnum = g.confkey[u.place]
                ) as x
            where
                r.oid <> memories and g.contype = 'f' and g.conrelid = r.oid
                and g.conparentid = 0 and g.oid <> r.constraint_oid
                and case
                    when g.oid = w.oid then g.confdeltype <> 'n' and has_table_privilege(g.confrelid, 'select')
                    else g.confdeltype = 'c'
                end
        ) as h
    order by
        t.oid <> memories,
        (
            select max(cardinality(e.passed)) from chains as e
            where e.oid = t.oid
        ),
        t.oid,
        k.attnum;

end;

comment on function memory_tables(regclass) is
'Part of archive_memories and restore_memories: what of memories and of the tables beside them is to be kept, and how.';

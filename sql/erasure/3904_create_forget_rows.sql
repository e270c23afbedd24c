-- Deletes a user's rows from all tables beside memories that have a path to them, whichever sets have made these, or
-- raises an error and deletes nothing. The tables are those named memory_…, with a user_id, or with a foreign key to
-- such a table, or to users, that has rows go together. A user_id that is a number by which a foreign key refers to
-- another table, from which none leads on to users, is that of somebody else there, such as of staff.
--
-- First the row of the user is locked, then their memories in the order of their ids, as recalls are noted: so nothing
-- new arrives meanwhile. What was stored since a transaction of a stricter isolation level began would not be seen, so
-- these are refused. What refers to others goes before them, and each table is asked at once whether a row is left.
-- Row-level security would hide some: with "off", that is an error.
--
-- Only this user: foreign keys and triggers of the application may lead from their rows to other users, or to memories
-- of theirs. That shows in what the server counts as deleted, from before to after.
--
-- What they wrote beside a memory of somebody else, such as a comment, is in the archive together with that memory; it
-- is taken out of there.
--
-- A table of somebody else is an error, too: whoever may create in the schema could put a trigger there, which would
-- run with the rights of whoever forgets.
create function forget_rows(user_id uuid, memories regclass) returns table (table_name text, deleted bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
    owner record;
    held record;
    is_known boolean;
    rest bigint;
    memories_held bigint;
    deleted_before bigint;
    archive regclass;
    places text[];
    names text[];
    others oid[];
    theirs constant text :=
        'starts_with(e.key, ''memory_'') and (
            (
                r.kept ->> ''user_id'' = $1::text
                and not exists (
                    select from pg_class as c where c.oid = any($4) and starts_with(e.key, c.relname || ''.'')
                )
            )
            or exists (
                select from unnest($2, $3) as c (place, name)
                where starts_with(e.key, c.place) and r.kept ->> c.name = $1::text
            )
        )';
    mentioned constant text :=
        'a.user_id <> $1 and exists (
            select from jsonb_each(a.beside) as e
            cross join jsonb_path_query(e.value, ''$[*]'') as r (kept)
            where ' || theirs || '
        )';
    question text;
    questions text[] := '{}';
    deletions constant text :=
        'with recursive persons as (
            select p.oid from unnest($1) as p (oid)
            union
            select h.inhrelid from persons inner join pg_inherits as h on persons.oid = h.inhparent
        )
        select coalesce(sum(pg_stat_get_xact_tuples_deleted(persons.oid)), 0) from persons';
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'what others have stored since this transaction began would not be seen, nor deleted'
            using errcode = 'invalid_transaction_state',
                hint = 'Begin with: begin isolation level read committed. Nothing was deleted.';
    end if;
    if not current_setting('track_counts')::boolean then
        raise exception 'the server does not count what is deleted, so rows of others could go along unnoticed'
            using errcode = 'object_not_in_prerequisite_state', hint = 'Set track_counts = on. Nothing was deleted.';
    end if;
    select f.confrelid::regclass as name, quote_ident(k.attname) as key, f.confrelid as oid, k.attnum as number
    into owner
    from pg_constraint as f
    inner join pg_attribute as a on f.conrelid = a.attrelid and f.conkey = array[a.attnum]
    inner join pg_attribute as k on f.confrelid = k.attrelid and f.confkey = array[k.attnum]
    where f.contype = 'f' and f.conrelid = memories and a.attname = 'user_id'
    limit 1;
    if not found then
        raise exception '% has no foreign key to users, so nobody can be kept from adding rows meanwhile', memories
            using errcode = 'undefined_object', hint = 'Add it again, as 0004 has it. Nothing was deleted.';
    end if;
    execute format('select from %s where %s = $1 for update', owner.name, owner.key) using user_id;
    get diagnostics rest = row_count;
    is_known := rest > 0;
    execute format('select from %s where user_id = $1 order by id for update', memories) using user_id;
    get diagnostics memories_held = row_count;
    execute deletions into deleted_before using array[memories, owner.name]::oid[];
    with recursive meant as (
        select
            a.attrelid,
            a.attnum
        from pg_attribute as a
        where a.attrelid = owner.oid or (a.attrelid = memories and a.attname = 'user_id')
        union
        select
            f.conrelid,
            c.child
        from meant
        inner join pg_constraint as f on meant.attrelid = f.confrelid and f.contype = 'f'
        cross join lateral unnest(f.conkey, f.confkey) as c (child, parent)
        where c.parent = meant.attnum
    )
    select coalesce(array_agg(a.attrelid), '{}') into others
    from pg_attribute as a
    inner join pg_type as t on a.atttypid = t.oid
    where
        a.attname = 'user_id'
        and coalesce(nullif(t.typbasetype, 0), t.oid) in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
        and exists (
            select from pg_constraint as f
            where f.contype = 'f' and f.conrelid = a.attrelid and a.attnum = any(f.conkey)
        )
        and (a.attrelid, a.attnum) not in (
            select
                m.attrelid,
                m.attnum
            from meant as m
        );
    for held in
        with recursive keys as (
            select
                a.attrelid,
                case
                    when t.typcategory = 'S' then 'text'::regtype
                    when coalesce(nullif(t.typbasetype, 0), t.oid) in ('int2'::regtype, 'int4'::regtype)
                        then 'int8'::regtype
                    else coalesce(nullif(t.typbasetype, 0), t.oid)
                end as comparable
            from pg_attribute as a
            inner join pg_type as t on a.atttypid = t.oid
            where a.attname = 'user_id' and a.attrelid <> all(others)
        ),
        own as (
            select c.oid, c.oid::regclass as name
            from pg_class as m
            inner join pg_class as c on m.relnamespace = c.relnamespace
            where
                m.oid = memories and c.relkind in ('r', 'p') and not c.relispartition
                and (c.oid = m.oid or starts_with(c.relname, 'memory_'))
        ),
        paths as (
            select
                own.oid,
                own.name,
                format(
                    case
                        when a.comparable = o.comparable then '%s.user_id = $1'
                        else 'lower(%s.user_id::text) = lower($1::text)'
                    end,
                    own.name
                ) collate "C" as meant,
                array[own.oid] as passed
            from own
            inner join keys as a on own.oid = a.attrelid
            inner join keys as o
                on
                    o.attrelid = memories
                    and (
                        a.comparable = o.comparable
                        or (
                            a.comparable in ('text'::regtype, 'uuid'::regtype)
                            and o.comparable in ('text'::regtype, 'uuid'::regtype)
                        )
                    )
            union all
            select
                own.oid,
                own.name,
                format('%s.%I = $1', own.name, a.attname) collate "C",
                array[own.oid]
            from own
            inner join pg_constraint as f on f.contype = 'f' and f.conparentid = 0 and f.conrelid = own.oid
            inner join pg_attribute as a on a.attrelid = own.oid and f.conkey = array[a.attnum]
            where
                f.confrelid = owner.oid and f.confkey = array[owner.number] and f.confdeltype = 'c'
                and own.oid not in (select u.attrelid from keys as u)
            union all
            select
                own.oid,
                own.name,
                format(
                    '(%s) in (select %s from %s where %s)',
                    (
                        select string_agg(format('%s.%I', own.name, a.attname), ', ' order by k.place)
                        from unnest(f.conkey) with ordinality as k (number, place)
                        inner join pg_attribute as a on a.attrelid = f.conrelid and k.number = a.attnum
                    ),
                    (
                        select string_agg(format('%s.%I', p.name, a.attname), ', ' order by k.place)
                        from unnest(f.confkey) with ordinality as k (number, place)
                        inner join pg_attribute as a on a.attrelid = f.confrelid and k.number = a.attnum
                    ),
                    p.name,
                    p.meant
                ) collate "C",
                p.passed || own.oid
            from paths as p
            inner join pg_constraint as f on f.contype = 'f' and f.conparentid = 0 and p.oid = f.confrelid
            inner join own on f.conrelid = own.oid
            where f.confdeltype = 'c' and own.oid <> all(p.passed)
        ),
        chains as (
            select
                own.oid,
                array[own.oid] as passed
            from own
            union all
            select
                f.conrelid,
                c.passed || f.conrelid
            from chains as c
            inner join pg_constraint as f on f.contype = 'f' and f.conparentid = 0 and c.oid = f.confrelid
            inner join own on f.conrelid = own.oid
            where own.oid <> all(c.passed)
        )
        select p.name, string_agg(format('(%s)', p.meant), ' or ') as meant
        from paths as p
        group by p.oid, p.name
        order by
            (
                select max(cardinality(c.passed)) from chains as c
                where c.oid = p.oid
            ) desc, p.oid = memories
    loop
        if not (
            select c.relowner = m.relowner or o.rolsuper
            from pg_class as c
            inner join pg_roles as o on c.relowner = o.oid
            inner join pg_class as m on m.oid = memories
            where c.oid = held.name
        ) then
            raise exception 'the owner of % does not own memories, and could have code of theirs run here', held.name
                using errcode = 'insufficient_privilege', hint = 'Find out whose it is. Nothing was deleted.';
        end if;
        execute format('delete from %s where %s', held.name, held.meant) using user_id;
        get diagnostics deleted = row_count;
        is_known := is_known or deleted > 0;
        questions := questions
            || format('select count(*), %L from %s where %s', held.name, held.name, held.meant)::text;
        execute questions[cardinality(questions)] into rest, table_name using user_id;
        exit when rest > 0;
        return next;
    end loop;
    select a.oid into archive
    from pg_class as m
    inner join pg_class as a on m.relnamespace = a.relnamespace
    where m.oid = memories and a.relname = 'memory_archive' and a.relkind in ('r', 'p');
    if rest = 0 and archive is not null then
        select
            coalesce(array_agg(t.relname || '.'), '{}'),
            coalesce(array_agg(a.attname::text), '{}')
        into places, names
        from pg_constraint as f
        inner join pg_class as t on f.conrelid = t.oid
        inner join pg_class as m on t.relnamespace = m.relnamespace
        inner join pg_attribute as a on f.conrelid = a.attrelid and f.conkey = array[a.attnum]
        where
            m.oid = memories and f.contype = 'f' and f.confdeltype = 'c' and f.conparentid = 0
            and f.confrelid = owner.oid and f.confkey = array[owner.number]
            and (
                f.conrelid = any(others)
                or f.conrelid not in (select u.attrelid from pg_attribute as u where u.attname = 'user_id')
            );
        execute format(
            'update %s as a set beside = (
                select jsonb_object_agg(e.key, (
                    select coalesce(jsonb_agg(r.kept order by r.place) filter (where (%s) is not true), ''[]'')
                    from jsonb_path_query(e.value, ''$[*]'') with ordinality as r (kept, place)
                )) from jsonb_each(a.beside) as e
            ) where %s',
            archive, theirs, mentioned
        ) using user_id, places, names, others;
        get diagnostics deleted = row_count;
        questions := questions
            || format('select count(*), %L from %s as a where %s', archive || '.beside', archive, mentioned);
        if deleted > 0 then
            is_known := true;
            table_name := archive || '.beside';
            return next;
        end if;
    end if;
    if rest = 0 then
        set constraints all immediate;
        foreach question in array questions loop
            execute question into rest, table_name using user_id, places, names, others;
            exit when rest > 0;
        end loop;
    end if;
    if rest > 0 then
        raise exception '% rows of % would be left of user %', rest, table_name, user_id
            using errcode = 'restrict_violation', hint = 'A trigger or a rule keeps them. Nothing was deleted.';
    end if;
    execute deletions into rest using array[memories, owner.name]::oid[];
    if rest - deleted_before > memories_held then
        raise exception '% rows of % or % that are not memories of this user would be deleted along',
            rest - deleted_before - memories_held, memories, owner.name
            using errcode = 'restrict_violation',
                hint = 'Foreign keys with on delete cascade, or triggers, lead there. Nothing was deleted.';
    end if;
    if not is_known then
        raise exception 'there is no user %', user_id using errcode = 'no_data_found', hint = 'Check the id.';
    end if;
end;
$$;

comment on function forget_rows(user_id uuid, memories regclass) is
'Part of forget_user: deletes the user''s rows from all of memdb''s tables.';

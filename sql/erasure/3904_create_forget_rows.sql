-- Deletes a user's rows from all tables beside memories that have a path to them, whichever sets have made these, or
-- raises an error and deletes nothing. The tables are those named memory_…, with a user_id, or with a foreign key to
-- such a table that has rows go together.
--
-- First the row of the user is locked, then their memories in the order of their ids, as recalls are noted: so nothing
-- new arrives meanwhile. What refers to others goes before them, and each table is asked at once whether a row is left.
-- Row-level security would hide some: with "off", that is an error.
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
    question text;
    questions text[] := '{}';
begin
    select f.confrelid::regclass as name, quote_ident(k.attname) as key into owner
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
            where a.attname = 'user_id'
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
                format('%s.user_id = $1', own.name) collate "C" as meant,
                0 as depth,
                array[own.oid] as passed
            from own
            inner join keys as a on own.oid = a.attrelid
            inner join keys as o on o.attrelid = memories and a.comparable = o.comparable
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
                p.depth + 1,
                p.passed || own.oid
            from paths as p
            inner join pg_constraint as f on f.contype = 'f' and f.conparentid = 0 and p.oid = f.confrelid
            inner join own on f.conrelid = own.oid
            where f.confdeltype = 'c' and own.oid <> all(p.passed)
        )
        select p.name, string_agg(format('(%s)', p.meant), ' or ') as meant
        from paths as p
        group by p.oid, p.name
        order by max(p.depth) desc, p.oid = memories
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
    if rest = 0 then
        set constraints all immediate;
        foreach question in array questions loop
            execute question into rest, table_name using user_id;
            exit when rest > 0;
        end loop;
    end if;
    if rest > 0 then
        raise exception '% rows of % would be left of user %', rest, table_name, user_id
            using errcode = 'restrict_violation', hint = 'A trigger or a rule keeps them. Nothing was deleted.';
    end if;
    if not is_known then
        raise exception 'there is no user %', user_id using errcode = 'no_data_found', hint = 'Check the id.';
    end if;
end;
$$;

comment on function forget_rows(user_id uuid, memories regclass) is
'Part of forget_user: deletes the user''s rows from all of memdb''s tables.';

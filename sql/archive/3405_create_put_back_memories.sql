-- Writes archived memories back, first themselves and then what was beside them, and deletes them from the archive.
-- What is beside them may be under policies that look for the memory, so each is a statement of its own.
--
-- One that is in memories again, as an import may have brought it, stays archived. What somebody deletes meanwhile to
-- which rows beside memories refer, such as a collection, is waited for: then they are written as if it had been gone.
--
-- Tables may refer to each other, as a memory to the answer that counts, which comes back after it: such columns come
-- back empty, and are filled in the end.
create function put_back_memories(memories regclass, archive regclass, user_id uuid, memory_ids uuid[])
returns table (memory_id uuid, reason text, replaced_by uuid, has_embedding boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO'
set intervalstyle = 'postgres'
set extra_float_digits = '1'
as $$
declare
    ids uuid[];
    part record;
    held record;
    writing text;
    written bigint;
    broken text;
    back oid[];
begin
    execute format(
        'select array(
            select a.id from %s as a where a.id = any($1) and a.user_id = $2
            and not exists (select from %s as m where m.id = a.id) order by a.id for update
        )',
        archive, memories
    ) into ids using memory_ids, user_id;
    for part in
        execute format(
            'select * from %s.memory_tables($1) as m where m.refused is null',
            (select c.relnamespace::regnamespace from pg_class as c where c.oid = memories)
        ) using memories
    loop
        back := back || part.of::oid;
        if part.of = memories then
            execute format(
                'with coming as (
                    select a.*, coalesce(a.beside -> ''memories'' -> 0, ''{}'') || jsonb_build_object(''id'', a.id) as kept
                    from %s as a where a.id = any($1) and a.user_id = $2 order by a.id
                )
                insert into %s (
                    id, user_id, memory_type, content, embedding, metadata, created_at, accessed_at%s
                ) overriding system value
                select r.id, r.user_id, r.memory_type, r.content, r.embedding, r.metadata, r.created_at,
                    case when r.reason = ''pruned'' then now() else r.accessed_at end%s
                from coming as r',
                archive, memories, part.columns, part.given
            ) using ids, user_id;
        else
            writing := format(
                'with coming as (
                    select a.id, a.user_id, e.kept
                    from %5$s as a cross join lateral jsonb_array_elements(a.beside -> %6$L) as e (kept)
                    where a.id = any($1) and a.user_id = $2 order by a.id
                )
                insert into %1$s (%2$I%3$s) overriding system value
                select t.* from (select r.id%4$s from coming as r) as t (%2$I%3$s)
                where %7$s on conflict do nothing',
                part.of, part.key, part.columns, part.given, archive, part.name, part.holds
            );
            loop -- rows that refer to others of their table come after these, which are there by now
                begin
                    execute writing using ids, user_id;
                exception when foreign_key_violation then -- what it refers to has gone meanwhile: now that is seen
                    begin
                        execute writing using ids, user_id;
                    exception when foreign_key_violation then
                        get stacked diagnostics broken = constraint_name;
                        raise exception 'rows of % cannot come back: what they refer to by % has gone', part.of, broken
                            using errcode = 'foreign_key_violation',
                                hint = 'Nothing was changed. Add it again, or take these rows out of beside in memory_archive.';
                    end;
                end;
                get diagnostics written = row_count;
                exit when written = 0 or not exists (
                    select from pg_constraint as f
                    where f.contype = 'f' and f.conrelid = part.of and f.confrelid = part.of and f.confdeltype = 'c'
                );
            end loop;
        end if;
    end loop;
    for part in
        select
            g.conrelid, g.confrelid, c.attname as own, r.attname as referred, k.same,
            format_type(c.atttypid, c.atttypmod) as type
        from pg_constraint as g
        inner join pg_attribute as c on g.conrelid = c.attrelid and g.conkey = array[c.attnum] and not c.attnotnull
        inner join pg_attribute as r on g.confrelid = r.attrelid and g.confkey = array[r.attnum]
        cross join lateral (
            select string_agg(
                format('t.%1$I::text = coalesce(e.kept ->> %1$L, t.%1$I::text)', x.attname), ' and '
            ) as same
            from pg_index as i
            inner join pg_attribute as x on i.indrelid = x.attrelid and x.attnum = any(i.indkey)
            where i.indrelid = g.conrelid and i.indisprimary
        ) as k
        where
            g.contype = 'f' and g.conparentid = 0 and g.confdeltype in ('n', 'a', 'r') and k.same is not null
            and g.conrelid = any(back) and array_position(back, g.conrelid) < array_position(back, g.confrelid)
    loop
        for held in
            execute format(
                'select m.name, m.key from %s.memory_tables($1) as m where m.of = $2',
                (select c.relnamespace::regnamespace from pg_class as c where c.oid = memories)
            ) using memories, part.conrelid
        loop
            execute format(
                'update %1$s as t set %2$I = p.%3$I
                from %4$s as p, %5$s as a, jsonb_array_elements(a.beside -> %6$L) as e (kept)
                where a.id = any($1) and a.user_id = $2 and t.%7$I = a.id and %8$s
                and t.%2$I is null and p.%3$I = (e.kept ->> %2$L)::%9$s',
                part.conrelid::regclass, part.own, part.referred, part.confrelid::regclass, archive,
                held.name, held.key, part.same, part.type
            ) using ids, user_id;
        end loop;
    end loop;
    return query execute format(
        'delete from %s as a where a.id = any($1) and a.user_id = $2
        returning a.id, a.reason, a.replaced_by, a.embedding is not null',
        archive
    ) using ids, user_id;
end;
$$;

comment on function put_back_memories(memories regclass, archive regclass, user_id uuid, memory_ids uuid[]) is
'Part of restore_memories: writes archived memories back into memories, and what was beside them.';

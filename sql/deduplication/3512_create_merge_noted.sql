-- Puts together what is noted of memories, for the one that is kept. `noted` is what noted_of_memory says of it, and so
-- which tables there are.
--
-- Recalls are added up; the highest importance and the last recall count. It is pinned if one of them was. It expires
-- when the last of them would have, and not at all if one of them would not.
-- It is in the collections of all of them.
--
-- What is noted is locked first, in the order in which recalls are noted, for all that one call is going to merge: so
-- neither waits for the other for ever, and nothing that somebody takes away meanwhile comes back.
-- alongside: archive
create function lock_noted(memories regclass, memory_ids uuid[]) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    part regclass;
begin
    for part in
        select t.oid from pg_class as t
        where
            t.relnamespace = (select m.relnamespace from pg_class as m where m.oid = memories)
            and t.relname in ('memory_importance', 'memory_retention', 'memory_collection_members')
            and t.relkind = 'r'
        order by t.oid
    loop
        execute format('select from %s as t where t.memory_id = any($1) order by t.memory_id for update', part)
            using memory_ids;
    end loop;
    return true;
end;
$$;

create function merge_noted(memories regclass, memory_id uuid, memory_ids uuid[], noted jsonb) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    place constant text := (select c.relnamespace::regnamespace from pg_class as c where c.oid = memories);
begin
    if noted ? 'memory_importance' then
        execute format(
            'insert into %1$s.memory_importance as i (memory_id, importance, recalls, recalled_at)
            select $1, max(o.importance), sum(o.recalls), max(o.recalled_at) from %1$s.memory_importance as o
            where o.memory_id = any($2 || $1) having count(*) > 0
            on conflict (memory_id) do update set
                importance = excluded.importance, recalls = excluded.recalls, recalled_at = excluded.recalled_at',
            place
        ) using memory_id, memory_ids;
    end if;
    if noted ? 'memory_retention' then
        execute format(
            'insert into %1$s.memory_retention as r (memory_id, user_id, expires_at, pinned, review_at)
            select
                $1,
                (select m.user_id from %2$s as m where m.id = $1),
                case
                    when count(o.expires_at) = count(*) and not bool_or(coalesce(o.pinned, false))
                        then max(o.expires_at)
                end,
                bool_or(coalesce(o.pinned, false)),
                min(o.review_at)
            from unnest($2 || $1) as u (id) left join %1$s.memory_retention as o on o.memory_id = u.id
            having count(o.memory_id) > 0
            on conflict (memory_id) do update set
                expires_at = excluded.expires_at, pinned = excluded.pinned, review_at = excluded.review_at',
            place, memories
        ) using memory_id, memory_ids;
    end if;
    if noted ? 'memory_collection_members' then
        execute format(
            'insert into %1$s.memory_collection_members (collection_id, memory_id, user_id, added_at)
            select o.collection_id, $1, o.user_id, min(o.added_at) from %1$s.memory_collection_members as o
            where o.memory_id = any($2) group by o.collection_id, o.user_id order by o.collection_id
            on conflict do nothing',
            place
        ) using memory_id, memory_ids;
    end if;
end;
$$;

comment on function lock_noted(memories regclass, memory_ids uuid[]) is
'Part of merge_memories and merge_exact_duplicates: locks what is noted of these memories.';
comment on function merge_noted(memories regclass, memory_id uuid, memory_ids uuid[], noted jsonb) is
'Part of merge_memories: recalls, importance, pins, expiry and collections of memories, put together for one of them.';

-- Merges some of a user's memories into one of them: the one of the tier that is kept longest, with an embedding if any
-- has one, and the oldest of those. All are locked first, in the order of their ids, and looked at again after that:
-- those that are gone, hidden, or another user's, are passed over.
-- alongside: archive
create function merge_memories(user_id uuid, memory_ids uuid[], only_exact boolean default false)
returns table (kept_id uuid, merged_id uuid, memory_type memory_type)
language sql volatile
set search_path = ''
begin atomic

    select
        lock_noted(
            'memories'::regclass,
            array(
                select m.id
                from memories as m
                where m.id = any(memory_ids) and m.user_id = merge_memories.user_id
                order by m.id
                for update
            )
        );

    select
        i.kept_id,
        i.merged_id,
        i.memory_type
    from (
        select
            array_agg(
                m.id
                order by m.memory_type asc, m.embedding is null asc, m.created_at asc, m.id asc
            ) as ids
        from memories as m
        where
            m.id = any(memory_ids) and m.user_id = merge_memories.user_id
            and not exists (
                select from memories_hidden_from_duplicates(merge_memories.user_id) as h
                where h.memory_id = m.id
            )
            and (
                only_exact is not true
                or memory_content_key(m.content) = (
                    select memory_content_key(f.content) from memories as f
                    where f.id = any(memory_ids) and f.user_id = merge_memories.user_id
                    order by array_position(memory_ids, f.id)
                    limit 1
                )
            )
    ) as g
    cross join lateral merge_into(merge_memories.user_id, g.ids[1], g.ids[2:]) as i
    where cardinality(g.ids) > 1;

end;

comment on function merge_memories(user_id uuid, memory_ids uuid[], only_exact boolean) is
'Merges these memories of a user into one of them, and returns a row for each that is in the archive now: '
'unmerge_memories brings them back. With only_exact, those alone that say the same as the first that is still there.';

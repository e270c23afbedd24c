-- Merges memories into one that is kept: its times become the oldest and the newest of all, and the others go to the
-- archive with all that is beside them, from where unmerge_memories brings them back. Each statement sees what the ones
-- before it did.
-- alongside: archive
create function merge_into(user_id uuid, memory_id uuid, memory_ids uuid[])
returns table (kept_id uuid, merged_id uuid, memory_type memory_type)
language sql volatile
set search_path = ''
begin atomic

    insert into memory_merges as g (memory_id, created_at, accessed_at, noted_before)
    select
        m.id as memory_id,
        m.created_at,
        m.accessed_at,
        noted_of_memory('memories'::regclass, m.id) as noted_before
    from memories as m
    where m.id = merge_into.memory_id
    on conflict (memory_id) do update
        set noted_before = excluded.noted_before || g.noted_before, merged_at = excluded.merged_at;

    select merge_noted('memories'::regclass, g.memory_id, memory_ids, g.noted_before)
    from memory_merges as g
    where g.memory_id = merge_into.memory_id;

    update memory_merges as g
    set noted_after = noted_of_memory('memories'::regclass, g.memory_id)
    where g.memory_id = merge_into.memory_id;

    update memories as m
    set created_at = least(m.created_at, o.created_at), accessed_at = greatest(m.accessed_at, o.accessed_at)
    from (
        select
            min(o.created_at) as created_at,
            max(o.accessed_at) as accessed_at
        from memories as o
        where o.id = any(memory_ids)
    ) as o
    where m.id = merge_into.memory_id and (o.created_at < m.created_at or o.accessed_at > m.accessed_at);

    select archive_memories(merge_into.user_id, memory_ids, 'merged', merge_into.memory_id);

    select
        a.replaced_by as kept_id,
        a.id as merged_id,
        a.memory_type
    from memory_archive as a
    where
        a.id = any(memory_ids) and a.user_id = merge_into.user_id and a.replaced_by = merge_into.memory_id
    order by a.id;

end;

comment on function merge_into(user_id uuid, memory_id uuid, memory_ids uuid[]) is
'Part of merge_memories: merges memories into one of the same user''s, which the caller has locked with them.';

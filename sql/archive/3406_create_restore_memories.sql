-- Brings archived memories back: the undo of a merge, of superseding, of pruning. What replaced them stays as it is.
--
-- What was pruned counts as recalled now, since it was asked for: it would be due again at once.
create function restore_memories(user_id uuid, memory_ids uuid[])
returns table (memory_id uuid, reason text, replaced_by uuid, has_embedding boolean)
language sql volatile
set search_path = ''
begin atomic

    select
        p.memory_id,
        p.reason,
        p.replaced_by,
        p.has_embedding
    from
        put_back_memories(
            'memories'::regclass, 'memory_archive'::regclass, restore_memories.user_id, memory_ids
        ) as p
    order by p.memory_id;

end;

comment on function restore_memories(user_id uuid, memory_ids uuid[]) is
'Moves these memories from memory_archive back to memories, with all that referred to them, and returns one row for '
'each. Those of other users are passed over. Without an embedding, searches by meaning find it once it has one again.';

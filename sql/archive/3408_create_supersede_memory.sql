-- Replaces a memory by a newer one, which is in memories already: the old one is archived, and says by which it was
-- replaced and until when it held. Both are locked, in the order of their ids, so that none goes meanwhile.
create function supersede_memory(user_id uuid, old_id uuid, new_id uuid, valid_to timestamptz default null)
returns void
language sql volatile
set search_path = ''
begin atomic

    select
        require_memories(
            array[old_id, new_id],
            array(
                select m.id
                from memories as m
                where m.user_id = supersede_memory.user_id and m.id in (old_id, new_id)
                order by m.id
                for update
            )
        );

    select
        archive_memories(
            supersede_memory.user_id, array[old_id], 'superseded', new_id, true, supersede_memory.valid_to
        );

end;

comment on function supersede_memory(user_id uuid, old_id uuid, new_id uuid, valid_to timestamptz) is
'Replaces a memory by a newer one of the same user: the old one is archived as it held until valid_to, or until now. '
'An error if one of them is not there. restore_memories brings the old one back.';

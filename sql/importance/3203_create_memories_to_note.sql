-- Which of many memories may be noted: those that are the user's, and that nobody is deleting.
--
-- A memory that has no row yet is locked against deletion, as its foreign key would do it later, and one that is just
-- being deleted is passed over. So nothing here waits for who deletes, and no foreign key fails at the end. Memories
-- that have their row are not locked: a lock would be written into memories.
create function memories_to_note(user_id uuid, memory_ids uuid[]) returns table (memory_id uuid)
language sql volatile
begin atomic

    with new as materialized (
        select m.id
        from memories as m
        where
            m.id = any(memory_ids)
            and m.user_id = memories_to_note.user_id
            and not exists (
                select from memory_importance as i
                where i.memory_id = m.id
            )
        order by m.id
        for key share of m skip locked
    )

    select n.id as memory_id
    from new as n
    union all
    select i.memory_id
    from memory_importance as i
    inner join memories as m on i.memory_id = m.id
    where i.memory_id = any(memory_ids) and m.user_id = memories_to_note.user_id;

end;

comment on function memories_to_note(user_id uuid, memory_ids uuid[]) is
'Part of note_memory_recalls and set_memory_importance: those of the memories that are the user''s.';

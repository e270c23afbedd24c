-- Which of many memories may be given a time or a pin: those that are the user's. One that is being deleted is passed
-- over, so nothing here waits for who deletes, and no foreign key fails at the end.
create function memories_to_keep(user_id uuid, memory_ids uuid[]) returns table (memory_id uuid)
language sql volatile
begin atomic

    select m.id as memory_id
    from memories as m
    where m.id = any(memory_ids) and m.user_id = memories_to_keep.user_id
    order by m.id
    for key share of m skip locked;

end;

comment on function memories_to_keep(user_id uuid, memory_ids uuid[]) is
'Part of pin_memories and expire_memories: those of the memories that are the user''s.';

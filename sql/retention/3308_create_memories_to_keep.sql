-- Which of many memories may be given a time or a pin: those that are the user's. Who is
-- deleting one, or has it locked, is waited for: to pass it over would tell somebody that it is not theirs, and a pin
-- would be lost where it stays in the end. One that is gone by then is passed over, so no foreign key fails at the end.
create function memories_to_keep(user_id uuid, memory_ids uuid[]) returns table (memory_id uuid)
language sql volatile
begin atomic

    select m.id as memory_id
    from memories as m
    where m.id = any(memory_ids) and m.user_id = memories_to_keep.user_id
    order by m.id
    for key share of m;

end;

comment on function memories_to_keep(user_id uuid, memory_ids uuid[]) is
'Part of pin_memories and expire_memories: those of the memories that are the user''s.';

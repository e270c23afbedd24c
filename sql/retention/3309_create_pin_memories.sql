-- Pins memories, or takes their pins away, any number of them in one statement, always in the order of their ids.
create function pin_memories(user_id uuid, memory_ids uuid[], pinned boolean default true) returns bigint
language sql volatile
begin atomic

    with changed as (
        insert into memory_retention as r (memory_id, user_id, pinned)
        select
            k.memory_id,
            pin_memories.user_id,
            coalesce(pin_memories.pinned, true) as pinned
        from memories_to_keep(pin_memories.user_id, memory_ids) as k
        order by k.memory_id
        on conflict (memory_id) do update
            set pinned = excluded.pinned, expires_at = case when not excluded.pinned then r.expires_at end
        returning r.memory_id
    )

    select count(*) from changed;

end;

comment on function pin_memories(user_id uuid, memory_ids uuid[], pinned boolean) is
'Keeps these memories, whatever the rules say, and returns how many are the user''s; a time at which they were to '
'expire is forgotten. With pinned => false, rules apply to them again.';

-- Says from when on memories are to be gone, any number of them in one statement, always in the order of their ids.
create function expire_memories(user_id uuid, memory_ids uuid[], expires_at timestamptz) returns bigint
language sql volatile
begin atomic

    with changed as (
        insert into memory_retention as r (memory_id, user_id, expires_at)
        select
            k.memory_id,
            expire_memories.user_id,
            expire_memories.expires_at
        from memories_to_keep(expire_memories.user_id, memory_ids) as k
        order by k.memory_id
        on conflict (memory_id) do update
            set expires_at = excluded.expires_at, pinned = r.pinned and excluded.expires_at is null
        returning r.memory_id
    )

    select count(*) from changed;

end;

comment on function expire_memories(user_id uuid, memory_ids uuid[], expires_at timestamptz) is
'Has these memories expire at a time, and returns how many are the user''s; they are not pinned any more. NULL: they '
'do not expire.';

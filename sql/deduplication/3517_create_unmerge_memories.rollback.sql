drop function unmerge_memories(user_id uuid, memory_id uuid);

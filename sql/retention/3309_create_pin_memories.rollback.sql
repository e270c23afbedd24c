drop function pin_memories(user_id uuid, memory_ids uuid[], pinned boolean);

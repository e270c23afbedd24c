drop function merge_memories(user_id uuid, memory_ids uuid[], only_exact boolean);

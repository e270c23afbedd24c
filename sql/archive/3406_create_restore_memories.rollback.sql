drop function restore_memories(user_id uuid, memory_ids uuid[]);

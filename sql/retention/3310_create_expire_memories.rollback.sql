drop function expire_memories(user_id uuid, memory_ids uuid[], expires_at timestamptz);

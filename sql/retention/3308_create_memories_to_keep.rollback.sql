drop function memories_to_keep(user_id uuid, memory_ids uuid[]);

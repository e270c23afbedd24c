drop function memories_to_note(user_id uuid, memory_ids uuid[]);

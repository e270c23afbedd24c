drop function note_memory_recalls(user_id uuid, memory_ids uuid[]);

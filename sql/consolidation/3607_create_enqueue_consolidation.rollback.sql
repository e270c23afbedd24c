drop function enqueue_consolidation(user_id uuid, memory_ids uuid[]);

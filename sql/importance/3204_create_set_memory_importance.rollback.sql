drop function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision);

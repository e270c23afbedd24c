alter function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision) reset search_path;
alter function note_memory_recalls(user_id uuid, memory_ids uuid[]) reset search_path;

drop function merge_into(user_id uuid, memory_id uuid, memory_ids uuid[]);

drop function supersede_memory(user_id uuid, old_id uuid, new_id uuid, valid_to timestamptz);

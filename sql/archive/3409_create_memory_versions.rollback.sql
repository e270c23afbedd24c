drop function memory_versions(user_id uuid, memory_id uuid);

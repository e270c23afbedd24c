drop function near_duplicate_distance(user_id uuid);
drop function memory_embedding_for_duplicates(memory_id uuid, embedding vector);

drop function note_embedding_model(user_id uuid, memory_ids uuid[], model text);

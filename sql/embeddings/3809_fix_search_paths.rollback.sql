alter function memory_embedding_states(model text) reset search_path;
alter function note_embedding_model(user_id uuid, memory_ids uuid[], model text) reset search_path;
alter function memory_embedding_hash(embedding vector) reset search_path;
alter function memory_content_hash(content text) reset search_path;

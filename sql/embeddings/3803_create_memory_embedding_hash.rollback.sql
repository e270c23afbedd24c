drop function memory_embedding_hash(embedding vector);

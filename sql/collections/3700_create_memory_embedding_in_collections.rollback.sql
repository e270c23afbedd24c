drop function memory_question_in_collections(embedding vector);
drop function memory_embedding_in_collections(memory_id uuid, embedding vector, dimensions integer);

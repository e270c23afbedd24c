drop function memory_question_in_archive(embedding vector);
drop function memory_embedding_in_archive(embedding vector, beside jsonb, dimensions integer);

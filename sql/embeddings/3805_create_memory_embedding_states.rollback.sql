drop function memory_embedding_states(model text);

drop function set_memory_embeddings_new_model(uuid, uuid[], vector[]);

drop trigger memory_embeddings_new_model_follow on memories;
drop function memory_embeddings_new_model_follow();

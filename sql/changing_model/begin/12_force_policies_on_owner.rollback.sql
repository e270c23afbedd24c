alter table memory_embeddings_new_model no force row level security;

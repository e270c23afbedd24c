-- Rights that were given go with the table.
alter function memory_embeddings_new_model_follow() security definer;
alter table memory_embeddings_new_model no force row level security;

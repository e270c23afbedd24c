-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_embeddings_new_model_delete on memory_embeddings_new_model;
drop policy memory_embeddings_new_model_update on memory_embeddings_new_model;
drop policy memory_embeddings_new_model_insert on memory_embeddings_new_model;
drop policy memory_embeddings_new_model_select on memory_embeddings_new_model;
alter table memory_embeddings_new_model disable row level security;

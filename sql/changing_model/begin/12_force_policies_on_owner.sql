-- Holds the owner of the table to its policies, as 3051 does it for memories.
-- alongside: force_row_security
alter table memory_embeddings_new_model force row level security;

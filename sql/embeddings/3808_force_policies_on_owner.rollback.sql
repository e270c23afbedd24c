alter table memory_embedding_sources no force row level security;

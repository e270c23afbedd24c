-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_embedding_sources_delete on memory_embedding_sources;
drop policy memory_embedding_sources_update on memory_embedding_sources;
drop policy memory_embedding_sources_insert on memory_embedding_sources;
drop policy memory_embedding_sources_select on memory_embedding_sources;
alter table memory_embedding_sources disable row level security;

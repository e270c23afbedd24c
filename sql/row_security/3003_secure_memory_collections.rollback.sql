-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_collections_delete on memory_collections;
drop policy memory_collections_update on memory_collections;
drop policy memory_collections_insert on memory_collections;
drop policy memory_collections_select on memory_collections;
alter table memory_collections disable row level security;

-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_collection_members_delete on memory_collection_members;
drop policy memory_collection_members_update on memory_collection_members;
drop policy memory_collection_members_insert on memory_collection_members;
drop policy memory_collection_members_select on memory_collection_members;
alter table memory_collection_members disable row level security;

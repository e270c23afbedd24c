-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_retention_delete on memory_retention;
drop policy memory_retention_update on memory_retention;
drop policy memory_retention_insert on memory_retention;
drop policy memory_retention_select on memory_retention;
alter table memory_retention disable row level security;

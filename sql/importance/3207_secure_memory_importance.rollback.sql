-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_importance_delete on memory_importance;
drop policy memory_importance_update on memory_importance;
drop policy memory_importance_insert on memory_importance;
drop policy memory_importance_select on memory_importance;
alter table memory_importance disable row level security;

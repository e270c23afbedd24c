-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_consolidation_sources_delete on memory_consolidation_sources;
drop policy memory_consolidation_sources_update on memory_consolidation_sources;
drop policy memory_consolidation_sources_insert on memory_consolidation_sources;
drop policy memory_consolidation_sources_select on memory_consolidation_sources;
alter table memory_consolidation_sources disable row level security;

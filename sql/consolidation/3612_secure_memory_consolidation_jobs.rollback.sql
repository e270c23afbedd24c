-- Whoever has rights on the table reads and writes all of it again.
drop policy memory_consolidation_jobs_delete on memory_consolidation_jobs;
drop policy memory_consolidation_jobs_update on memory_consolidation_jobs;
drop policy memory_consolidation_jobs_insert on memory_consolidation_jobs;
drop policy memory_consolidation_jobs_select on memory_consolidation_jobs;
alter table memory_consolidation_jobs disable row level security;

alter table memory_sources no force row level security;
alter table memory_consolidation_sources no force row level security;
alter table memory_consolidation_jobs no force row level security;

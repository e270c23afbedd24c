-- Holds the owner of the tables to their policies, as 3051 does it for memories.
-- alongside: force_row_security
alter table memory_consolidation_jobs force row level security;
alter table memory_consolidation_sources force row level security;
alter table memory_sources force row level security;

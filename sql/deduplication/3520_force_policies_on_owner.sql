-- Holds the owner of the table to its policies, as 3051 does it for memories.
-- alongside: archive force_row_security
alter table memory_merges force row level security;

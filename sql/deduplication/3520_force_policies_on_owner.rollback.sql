alter table memory_merges no force row level security;

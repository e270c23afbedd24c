alter table memory_archive no force row level security;

alter table memory_retention no force row level security;

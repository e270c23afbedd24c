alter table memory_importance no force row level security;

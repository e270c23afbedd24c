alter table memory_collections no force row level security;
alter table memories no force row level security;

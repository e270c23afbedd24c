alter table memory_collection_members no force row level security;

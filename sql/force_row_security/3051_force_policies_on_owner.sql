-- Holds the owner of the tables to the policies of set row_security, too.
alter table memories force row level security;
alter table memory_collections force row level security;

-- Whoever is held to policies reads and writes what is in the collections of one user, as 3003 says it of collections:
-- the foreign keys have the memory and the collection belong to that user, too.
-- alongside: row_security
alter table memory_collection_members enable row level security;

create policy memory_collection_members_select on memory_collection_members for select
using (user_id = (select memory_user()));
create policy memory_collection_members_insert on memory_collection_members for insert
with check (user_id = (select memory_user()));
create policy memory_collection_members_update on memory_collection_members for update
using (user_id = (select memory_user())) with check (user_id = (select memory_user()));
create policy memory_collection_members_delete on memory_collection_members for delete
using (user_id = (select memory_user()));

comment on policy memory_collection_members_select on memory_collection_members is 'One''s own are seen.';
comment on policy memory_collection_members_insert on memory_collection_members is
'One''s own are added, and none for another.';
comment on policy memory_collection_members_update on memory_collection_members is
'One''s own are changed, and stay one''s own.';
comment on policy memory_collection_members_delete on memory_collection_members is 'One''s own are deleted.';

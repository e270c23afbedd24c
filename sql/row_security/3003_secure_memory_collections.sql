-- Whoever is held to policies reads and writes the collections of one user: of the one for whom a query is made.
--
-- It is asked once a query, not once a row: that is what "(select …)" is for. The owner of the table, superusers and
-- roles with BYPASSRLS, such as service_role, are not held to policies. All other roles are, and still need rights.
alter table memory_collections enable row level security;

create policy memory_collections_select on memory_collections for select using (user_id = (select memory_user()));
create policy memory_collections_insert on memory_collections for insert with check (user_id = (select memory_user()));
create policy memory_collections_update on memory_collections for update
using (user_id = (select memory_user())) with check (user_id = (select memory_user()));
create policy memory_collections_delete on memory_collections for delete using (user_id = (select memory_user()));

comment on policy memory_collections_select on memory_collections is 'One''s own are seen.';
comment on policy memory_collections_insert on memory_collections is 'One''s own are added, and none for another.';
comment on policy memory_collections_update on memory_collections is 'One''s own are changed, and stay one''s own.';
comment on policy memory_collections_delete on memory_collections is 'One''s own are deleted.';

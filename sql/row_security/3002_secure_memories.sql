-- Whoever is held to policies reads and writes the memories of one user: of the one for whom a query is made.
--
-- It is asked once a query, not once a row: that is what "(select …)" is for. The owner of the table, superusers and
-- roles with BYPASSRLS, such as service_role, are not held to policies. All other roles are, and still need rights.
alter table memories enable row level security;

create policy memories_select on memories for select using (user_id = (select memory_user()));
create policy memories_insert on memories for insert with check (user_id = (select memory_user()));
create policy memories_update on memories for update
using (user_id = (select memory_user())) with check (user_id = (select memory_user()));
create policy memories_delete on memories for delete using (user_id = (select memory_user()));

comment on policy memories_select on memories is 'One''s own are seen.';
comment on policy memories_insert on memories is 'One''s own are added, and none for another.';
comment on policy memories_update on memories is 'One''s own are changed, and stay one''s own.';
comment on policy memories_delete on memories is 'One''s own are deleted.';

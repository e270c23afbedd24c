-- Whoever is held to policies reads and writes the archived memories of one user: of the one for whom a query is made,
-- as 3002 does it for memories.
-- alongside: row_security
alter table memory_archive enable row level security;

create policy memory_archive_select on memory_archive for select using (user_id = (select memory_user()));
create policy memory_archive_insert on memory_archive for insert with check (user_id = (select memory_user()));
create policy memory_archive_update on memory_archive for update
using (user_id = (select memory_user())) with check (user_id = (select memory_user()));
create policy memory_archive_delete on memory_archive for delete using (user_id = (select memory_user()));

comment on policy memory_archive_select on memory_archive is 'One''s own are seen.';
comment on policy memory_archive_insert on memory_archive is 'One''s own are archived, and none for another.';
comment on policy memory_archive_update on memory_archive is 'One''s own are changed, and stay one''s own.';
comment on policy memory_archive_delete on memory_archive is 'One''s own are brought back, or deleted.';

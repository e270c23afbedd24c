-- Jobs are seen and changed by whose memories they are of, and by workers that are not held to policies.
-- alongside: row_security
alter table memory_consolidation_jobs enable row level security;

create policy memory_consolidation_jobs_select on memory_consolidation_jobs for select
using (user_id = (select memory_user()));
create policy memory_consolidation_jobs_insert on memory_consolidation_jobs for insert
with check (user_id = (select memory_user()));
create policy memory_consolidation_jobs_update on memory_consolidation_jobs for update
using (user_id = (select memory_user()))
with check (user_id = (select memory_user()));
create policy memory_consolidation_jobs_delete on memory_consolidation_jobs for delete
using (user_id = (select memory_user()));

comment on policy memory_consolidation_jobs_select on memory_consolidation_jobs is 'One''s own are seen.';
comment on policy memory_consolidation_jobs_insert on memory_consolidation_jobs is
'One''s own are added, and none for another.';
comment on policy memory_consolidation_jobs_update on memory_consolidation_jobs is
'One''s own are changed, and stay one''s own.';
comment on policy memory_consolidation_jobs_delete on memory_consolidation_jobs is 'One''s own are deleted.';

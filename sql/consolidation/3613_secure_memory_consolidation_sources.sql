-- The memories of a job are seen and changed by whose job it is, and only memories that are seen go into it.
-- alongside: row_security
alter table memory_consolidation_sources enable row level security;

create policy memory_consolidation_sources_select on memory_consolidation_sources for select
using (user_id = (select memory_user()));
create policy memory_consolidation_sources_insert on memory_consolidation_sources for insert
with check (
    user_id = (select memory_user())
    and (
        source_id is null
        or exists (
            select from memories as m
            where m.id = memory_consolidation_sources.source_id
        )
    )
);
create policy memory_consolidation_sources_update on memory_consolidation_sources for update
using (user_id = (select memory_user()))
with check (
    user_id = (select memory_user())
    and (
        source_id is null
        or exists (
            select from memories as m
            where m.id = memory_consolidation_sources.source_id
        )
    )
);
create policy memory_consolidation_sources_delete on memory_consolidation_sources for delete
using (user_id = (select memory_user()));

comment on policy memory_consolidation_sources_select on memory_consolidation_sources is 'One''s own are seen.';
comment on policy memory_consolidation_sources_insert on memory_consolidation_sources is
'One''s own are added, of memories that are seen.';
comment on policy memory_consolidation_sources_update on memory_consolidation_sources is
'One''s own are changed, to memories that are seen.';
comment on policy memory_consolidation_sources_delete on memory_consolidation_sources is 'One''s own are deleted.';

-- What a summary was made of is seen and changed by whoever sees the summary: the policies of memories decide that,
-- those of set row_security and any that an application adds. With EXISTS, only the memories of the row are looked up.
-- alongside: row_security
alter table memory_sources enable row level security;

create policy memory_sources_select on memory_sources for select
using (
    exists (
        select from memories as m
        where m.id = memory_sources.memory_id
    )
);
create policy memory_sources_insert on memory_sources for insert
with check (
    exists (
        select from memories as m
        where m.id = memory_sources.memory_id
    )
    and (
        source_id is null
        or exists (
            select from memories as o
            where o.id = memory_sources.source_id
        )
    )
);
create policy memory_sources_update on memory_sources for update
using (
    exists (
        select from memories as m
        where m.id = memory_sources.memory_id
    )
)
with check (
    exists (
        select from memories as m
        where m.id = memory_sources.memory_id
    )
    and (
        source_id is null
        or exists (
            select from memories as o
            where o.id = memory_sources.source_id
        )
    )
);
create policy memory_sources_delete on memory_sources for delete
using (
    exists (
        select from memories as m
        where m.id = memory_sources.memory_id
    )
);

comment on policy memory_sources_select on memory_sources is 'Seen with the summary.';
comment on policy memory_sources_insert on memory_sources is
'Added to summaries that are seen, of memories that are seen.';
comment on policy memory_sources_update on memory_sources is 'Changed with the summary, to memories that are seen.';
comment on policy memory_sources_delete on memory_sources is 'Deleted with the summary.';

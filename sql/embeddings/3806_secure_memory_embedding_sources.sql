-- What an embedding was made of is seen and changed by whoever sees the memory: the policies of memories decide that,
-- those of set row_security and any that an application adds. With EXISTS, only the memory of the row is looked up.
-- alongside: row_security
alter table memory_embedding_sources enable row level security;

create policy memory_embedding_sources_select on memory_embedding_sources for select
using (
    exists (
        select from memories as m
        where m.id = memory_embedding_sources.memory_id
    )
);
create policy memory_embedding_sources_insert on memory_embedding_sources for insert
with check (
    exists (
        select from memories as m
        where m.id = memory_embedding_sources.memory_id
    )
);
create policy memory_embedding_sources_update on memory_embedding_sources for update
using (
    exists (
        select from memories as m
        where m.id = memory_embedding_sources.memory_id
    )
)
with check (
    exists (
        select from memories as m
        where m.id = memory_embedding_sources.memory_id
    )
);
create policy memory_embedding_sources_delete on memory_embedding_sources for delete
using (
    exists (
        select from memories as m
        where m.id = memory_embedding_sources.memory_id
    )
);

comment on policy memory_embedding_sources_select on memory_embedding_sources is
'Seen with the memory.';
comment on policy memory_embedding_sources_insert on memory_embedding_sources is
'Added to memories that are seen.';
comment on policy memory_embedding_sources_update on memory_embedding_sources is
'Changed with the memory, and stays with it.';
comment on policy memory_embedding_sources_delete on memory_embedding_sources is
'Deleted with the memory.';

-- What a memory was before a merge is seen and changed by whoever sees the memory: the policies of memories decide
-- that, those of set row_security and any that an application adds. With EXISTS, only the memory is looked up.
-- alongside: archive row_security
alter table memory_merges enable row level security;

create policy memory_merges_select on memory_merges for select
using (
    exists (
        select from memories as m
        where m.id = memory_merges.memory_id
    )
);
create policy memory_merges_insert on memory_merges for insert
with check (
    exists (
        select from memories as m
        where m.id = memory_merges.memory_id
    )
);
create policy memory_merges_update on memory_merges for update
using (
    exists (
        select from memories as m
        where m.id = memory_merges.memory_id
    )
)
with check (
    exists (
        select from memories as m
        where m.id = memory_merges.memory_id
    )
);
create policy memory_merges_delete on memory_merges for delete
using (
    exists (
        select from memories as m
        where m.id = memory_merges.memory_id
    )
);

comment on policy memory_merges_select on memory_merges is 'Seen with the memory.';
comment on policy memory_merges_insert on memory_merges is 'Added to memories that are seen.';
comment on policy memory_merges_update on memory_merges is 'Changed with the memory, and stays with it.';
comment on policy memory_merges_delete on memory_merges is 'Deleted with the memory.';

-- How long a memory is kept is seen and changed by whoever sees the memory: the policies of memories decide that, those
-- of set row_security and any that an application adds. With EXISTS, only the memory of the row is looked up.
-- alongside: row_security
alter table memory_retention enable row level security;

create policy memory_retention_select on memory_retention for select
using (
    exists (
        select from memories as m
        where m.id = memory_retention.memory_id
    )
);
create policy memory_retention_insert on memory_retention for insert
with check (
    exists (
        select from memories as m
        where m.id = memory_retention.memory_id and m.user_id = memory_retention.user_id
    )
);
create policy memory_retention_update on memory_retention for update
using (
    exists (
        select from memories as m
        where m.id = memory_retention.memory_id
    )
)
with check (
    exists (
        select from memories as m
        where m.id = memory_retention.memory_id and m.user_id = memory_retention.user_id
    )
);
create policy memory_retention_delete on memory_retention for delete
using (
    exists (
        select from memories as m
        where m.id = memory_retention.memory_id
    )
);

comment on policy memory_retention_select on memory_retention is 'Seen with the memory.';
comment on policy memory_retention_insert on memory_retention is 'Added to memories that are seen.';
comment on policy memory_retention_update on memory_retention is 'Changed with the memory, and stays with it.';
comment on policy memory_retention_delete on memory_retention is 'Deleted with the memory.';

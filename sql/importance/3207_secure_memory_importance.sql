-- What is noted of a memory is seen and changed by whoever sees the memory: the policies of memories decide that, those
-- of set row_security and any that an application adds. With EXISTS, only the memory of the row is looked up.
-- alongside: row_security
alter table memory_importance enable row level security;

create policy memory_importance_select on memory_importance for select
using (
    exists (
        select from memories as m
        where m.id = memory_importance.memory_id
    )
);
create policy memory_importance_insert on memory_importance for insert
with check (
    exists (
        select from memories as m
        where m.id = memory_importance.memory_id
    )
);
create policy memory_importance_update on memory_importance for update
using (
    exists (
        select from memories as m
        where m.id = memory_importance.memory_id
    )
)
with check (
    exists (
        select from memories as m
        where m.id = memory_importance.memory_id
    )
);
create policy memory_importance_delete on memory_importance for delete
using (
    exists (
        select from memories as m
        where m.id = memory_importance.memory_id
    )
);

comment on policy memory_importance_select on memory_importance is 'Seen with the memory.';
comment on policy memory_importance_insert on memory_importance is 'Added to memories that are seen.';
comment on policy memory_importance_update on memory_importance is 'Changed with the memory, and stays with it.';
comment on policy memory_importance_delete on memory_importance is 'Deleted with the memory.';

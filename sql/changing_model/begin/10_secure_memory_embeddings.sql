-- An embedding is seen and changed by whoever sees the memory: the policies of memories decide that, those of the set
-- row_security and any that an application adds. With EXISTS, only the memory of the row is looked up.
-- alongside: row_security
alter table memory_embeddings_new_model enable row level security;

create policy memory_embeddings_new_model_select on memory_embeddings_new_model for select
using (
    exists (
        select from memories as m
        where m.id = memory_embeddings_new_model.memory_id
    )
);
create policy memory_embeddings_new_model_insert on memory_embeddings_new_model for insert
with check (
    exists (
        select from memories as m
        where m.id = memory_embeddings_new_model.memory_id
    )
);
create policy memory_embeddings_new_model_update on memory_embeddings_new_model for update
using (
    exists (
        select from memories as m
        where m.id = memory_embeddings_new_model.memory_id
    )
)
with check (
    exists (
        select from memories as m
        where m.id = memory_embeddings_new_model.memory_id
    )
);
create policy memory_embeddings_new_model_delete on memory_embeddings_new_model for delete
using (
    exists (
        select from memories as m
        where m.id = memory_embeddings_new_model.memory_id
    )
);

comment on policy memory_embeddings_new_model_select on memory_embeddings_new_model is
'Seen with the memory.';
comment on policy memory_embeddings_new_model_insert on memory_embeddings_new_model is
'Added to memories that are seen.';
comment on policy memory_embeddings_new_model_update on memory_embeddings_new_model is
'Changed with the memory, and stays with it.';
comment on policy memory_embeddings_new_model_delete on memory_embeddings_new_model is
'Deleted with the memory.';

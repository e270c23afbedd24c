-- An embedding is seen and changed by whoever sees memories of the user, as 3002 has it for memories themselves. To ask
-- for the memory of each signature would make searches of users with many memories take eight times as long.
--
-- Policies that an application has added to memories would not hold here, so where there are such, nothing is guessed.
-- What a search finds is read from memories in the end, where all policies hold.
-- alongside: row_security
do $$
begin
    if exists (
        select
        from pg_policy
        where
            polrelid = 'memories'::regclass
            and polname not in ('memories_select', 'memories_insert', 'memories_update', 'memories_delete')
    ) then
        raise exception 'memories have policies that memory_embeddings_new_model would not have'
            using errcode = 'object_not_in_prerequisite_state',
                hint = 'Write them for that table into this file, and take this check out of it.';
    end if;
end
$$;

alter table memory_embeddings_new_model enable row level security;

create policy memory_embeddings_new_model_select on memory_embeddings_new_model for select
using (user_id = (select memory_user()));
create policy memory_embeddings_new_model_insert on memory_embeddings_new_model for insert
with check (
    user_id = (select memory_user())
    and exists (
        select from memories as m
        where m.id = memory_embeddings_new_model.memory_id
    )
);
create policy memory_embeddings_new_model_update on memory_embeddings_new_model for update
using (user_id = (select memory_user()))
with check (
    user_id = (select memory_user())
    and exists (
        select from memories as m
        where m.id = memory_embeddings_new_model.memory_id
    )
);
create policy memory_embeddings_new_model_delete on memory_embeddings_new_model for delete
using (user_id = (select memory_user()));

comment on policy memory_embeddings_new_model_select on memory_embeddings_new_model is
'One''s own are seen.';
comment on policy memory_embeddings_new_model_insert on memory_embeddings_new_model is
'Added to memories that are seen.';
comment on policy memory_embeddings_new_model_update on memory_embeddings_new_model is
'Changed with the memory, and stays with it.';
comment on policy memory_embeddings_new_model_delete on memory_embeddings_new_model is
'One''s own are deleted.';

-- A memory that changes its tier or its user takes its embedding along, also where a trigger of the application changes
-- it. Nothing else is done when memories are written, and nothing when one is added.
--
-- It writes with the rights of its owner, so whoever may change memories needs no right to the other table.
create function memory_embeddings_new_model_follow() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
    execute format(
        'update %I.memory_embeddings_new_model as e set user_id = $1.user_id, memory_type = $1.memory_type '
        'where e.memory_id = $1.id',
        tg_table_schema
    ) using new;
    return null;
end;
$$;

comment on function memory_embeddings_new_model_follow() is
'Part of memory_embeddings_new_model: keeps users and tiers there as they are in memories.';

revoke execute on function memory_embeddings_new_model_follow() from public;

create trigger memory_embeddings_new_model_follow
after update on memories
for each row when (old.user_id <> new.user_id or old.memory_type <> new.memory_type)
execute function memory_embeddings_new_model_follow();

comment on trigger memory_embeddings_new_model_follow on memories is
'Keeps users and tiers in memory_embeddings_new_model as they are here.';

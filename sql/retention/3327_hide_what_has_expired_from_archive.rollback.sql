-- As 3400 has it.
create or replace function memories_hidden_in_archive(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select null::uuid as memory_id
    where memories_hidden_in_archive.user_id is null and false;

end;

create or replace function memories_hidden_from_consolidation() returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select null::uuid as memory_id
    where false;

end;

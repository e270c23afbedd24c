create or replace function discard_memories(memory_ids uuid[]) returns table (id uuid, memory_type memory_type)
language sql volatile
set search_path = ''
begin atomic

    with deleted as (
        delete from memories as m
        where m.id = any(memory_ids)
        returning m.id, m.memory_type
    )

    select
        d.id,
        d.memory_type
    from deleted as d;

end;

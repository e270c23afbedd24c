-- search_memories and all that is built on it leave out what has expired.
-- alongside: fast_search
create or replace function memories_hidden(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select e.memory_id from memories_expired(memories_hidden.user_id) as e;

end;

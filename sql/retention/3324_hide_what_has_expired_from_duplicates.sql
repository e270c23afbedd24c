-- What has expired is no reason not to store a memory that says the same, and is near to none.
-- alongside: deduplication
create or replace function memories_hidden_from_duplicates(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select e.memory_id from memories_expired(memories_hidden_from_duplicates.user_id) as e;

end;

-- What has expired is no reason not to store a memory that says the same, is near to none, and is merged with none: it
-- would come back as the one that is kept, or stay in the archive.
-- alongside: deduplication
create or replace function memories_hidden_from_duplicates(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select e.memory_id from memories_expired(memories_hidden_from_duplicates.user_id) as e;

end;

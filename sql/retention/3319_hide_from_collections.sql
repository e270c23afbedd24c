-- What has expired is not found in a collection either. Each memory that is in it is looked up by its key.
-- alongside: collections
create or replace function memories_hidden_in_collections() returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select r.memory_id
    from memory_retention as r
    where r.expires_at <= statement_timestamp();

end;

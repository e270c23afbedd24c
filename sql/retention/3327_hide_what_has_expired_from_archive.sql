-- The archive does not tell of what has expired, whether it was archived before its time came or since: otherwise, what
-- nobody finds any more would be found again as soon as it is pruned. How long it was to be kept, its row here says,
-- which went along into the archive.
-- alongside: archive
create or replace function memories_hidden_in_archive(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select e.memory_id from memories_expired(memories_hidden_in_archive.user_id) as e
    union all
    select a.id as memory_id
    from memory_archive as a
    where
        a.user_id = memories_hidden_in_archive.user_id
        and (a.beside #>> '{memory_retention.memory_id, 0, expires_at}')::timestamptz <= statement_timestamp();

end;

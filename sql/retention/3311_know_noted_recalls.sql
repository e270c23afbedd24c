-- A memory whose recalls are noted by the set importance is not idle either, though accessed_at stays as it is.
-- alongside: importance
create or replace function memory_recalls() returns table (memory_id uuid, recalled_at timestamptz)
language sql stable parallel safe
begin atomic

    select
        i.memory_id,
        i.recalled_at
    from memory_importance as i
    where i.recalled_at is not null;

end;

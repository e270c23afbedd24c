create or replace function memory_recalls() returns table (memory_id uuid, recalled_at timestamptz)
language sql stable parallel safe
begin atomic

    select
        null::uuid as memory_id,
        null::timestamptz as recalled_at
    where false;

end;

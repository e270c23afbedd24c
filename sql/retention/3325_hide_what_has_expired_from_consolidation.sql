-- No summary is made of what has expired.
-- alongside: consolidation
create or replace function memories_hidden_from_consolidation() returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select r.memory_id
    from memory_retention as r
    where r.expires_at <= statement_timestamp();

end;

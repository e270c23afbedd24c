-- Recalls that were noted elsewhere than in accessed_at. Other sets that note any replace the body.
--
-- PostgreSQL inlines it, so where there are none, nothing is looked up.
create function memory_recalls() returns table (memory_id uuid, recalled_at timestamptz)
language sql stable parallel safe
begin atomic

    select
        null::uuid as memory_id,
        null::timestamptz as recalled_at
    where false;

end;

comment on function memory_recalls() is
'Part of memories_due: which memories were recalled when, as far as that is noted beside accessed_at.';

-- A file that runs outside of a transaction holds one statement, so the comment on the index of 3303 is here.
comment on index ix_memories_idle is 'Finds memories that were not recalled for long, tier by tier.';

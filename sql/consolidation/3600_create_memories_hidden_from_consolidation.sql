-- Which memories are not to be summed up, though they are there. Other sets that hide some replace the body.
--
-- PostgreSQL inlines it, so where there are none, nothing is looked up. That is why no migration fixes its search_path:
-- a function with a setting is not inlined. Its body was parsed when it was made.
create function memories_hidden_from_consolidation() returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select null::uuid as memory_id
    where false;

end;

comment on function memories_hidden_from_consolidation() is
'Part of consolidation_proposals, claim_consolidation and stale_summaries: which memories no summary is to tell of.';

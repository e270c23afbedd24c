-- Which memories of a user are not to be found as duplicates, though they are there. Other sets that hide some replace
-- the body.
--
-- PostgreSQL inlines it, so where there are none, nothing is looked up. That is why no migration fixes its search_path:
-- a function with a setting is not inlined. Its body was parsed when it was made.
create function memories_hidden_from_duplicates(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select null::uuid as memory_id
    where memories_hidden_from_duplicates.user_id is null and false;

end;

comment on function memories_hidden_from_duplicates(user_id uuid) is
'Part of memory_with_content, exact_duplicates, near_duplicates, near_duplicate_distance and merge_memories: which '
'memories of the user are not to be found.';

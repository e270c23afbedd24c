-- Which of a user's memories no search by words finds, though they are there. Other sets that hide some replace the
-- body.
--
-- PostgreSQL inlines it, so where there are none, nothing is looked up. That is why no migration fixes its search_path:
-- a function with a setting is not inlined. Its body was parsed when it was made.
create function memories_hidden_from_words(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select null::uuid as memory_id
    where false;

end;

comment on function memories_hidden_from_words(user_id uuid) is
'Part of search_memories_by_words: which memories of a user are not to be found, such as those that have expired.';

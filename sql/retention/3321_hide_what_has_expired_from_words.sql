-- search_memories_by_words leaves out what has expired.
-- alongside: hybrid_search
create or replace function memories_hidden_from_words(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select e.memory_id from memories_expired(memories_hidden_from_words.user_id) as e;

end;

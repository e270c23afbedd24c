-- Looks a text up among one user's memories, in the index.
--
-- PostgreSQL uses an index under row-level security only for what cannot leak, and a key is not known as that. So for a
-- role that is held to policies, the keys of all memories of the user are computed. A function with its owner's rights
-- could use the index, and would tell of memories that other policies hide.
create function memory_with_content(user_id uuid, content text) returns uuid
language sql stable parallel safe
begin atomic

    select m.id
    from memories as m
    where
        m.user_id = memory_with_content.user_id
        and memory_content_key(m.content) = (select memory_content_key(memory_with_content.content))
        and not exists (
            select from memories_hidden_from_duplicates(memory_with_content.user_id) as h
            where h.memory_id = m.id
        )
    order by m.created_at, m.id
    limit 1;

end;

comment on function memory_with_content(user_id uuid, content text) is
'The user''s oldest memory that says the same, but for white space; NULL if there is none.';

-- A file that runs outside of a transaction holds one statement, so the comment on the index of 3502 is here.
comment on index ix_memories_content_key is 'Finds memories of a user by the key of their text.';

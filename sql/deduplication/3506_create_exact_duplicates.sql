-- The memories of a user that say the same, group by group. The first of a group is the one that a merge keeps: of the
-- tier that is kept longest, with an embedding if any has one, and the oldest of those.
create function exact_duplicates(user_id uuid) returns table (memory_ids uuid[])
language sql stable parallel safe
set jit = off
begin atomic

    select
        array_agg(
            m.id
            order by m.memory_type asc, m.embedding is null asc, m.created_at asc, m.id asc
        ) as memory_ids
    from memories as m
    where
        m.user_id = exact_duplicates.user_id
        and not exists (
            select from memories_hidden_from_duplicates(exact_duplicates.user_id) as h
            where h.memory_id = m.id
        )
    group by memory_content_key(m.content)
    having count(*) > 1
    order by min(m.created_at);

end;

comment on function exact_duplicates(user_id uuid) is
'The memories of a user that say the same, but for white space, as groups of ids. Of each, the first is the one that '
'a merge keeps.';

-- Says how much memories matter, any number of them in one statement.
--
-- Memories are locked first, in the order of their ids, and then written to beside: who has one locked is waited for,
-- so that nobody says it in vain, and what is gone by then is passed over.
create function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision) returns bigint
language sql volatile
begin atomic

    with weighed as (
        insert into memory_importance as i (memory_id, importance)
        select
            n.memory_id,
            coalesce(set_memory_importance.importance, 0.5) as importance
        from (
            select m.id as memory_id
            from memories as m
            where m.id = any(memory_ids) and m.user_id = set_memory_importance.user_id
            order by m.id
            for key share of m
        ) as n
        on conflict (memory_id) do update
            set importance = excluded.importance
        returning i.memory_id
    )

    select count(*) from weighed;

end;

comment on function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision) is
'Gives these memories an importance from 0 to 1, NULL being 0.5, and returns how many got it. Those of other users are '
'passed over.';

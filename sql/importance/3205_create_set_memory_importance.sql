-- Says how much memories matter, any number of them in one statement, in the order in which recalls are noted.
create function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision) returns bigint
language sql volatile
begin atomic

    with weighed as (
        insert into memory_importance as i (memory_id, importance)
        select
            n.memory_id,
            coalesce(set_memory_importance.importance, 0.5) as importance
        from memories_to_note(set_memory_importance.user_id, memory_ids) as n
        order by n.memory_id
        on conflict (memory_id) do update
            set importance = excluded.importance
        returning i.memory_id
    )

    select count(*) from weighed;

end;

comment on function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision) is
'Gives these memories an importance from 0 to 1, NULL being 0.5, and returns how many got it. Those of other users are '
'passed over.';

-- Notes that memories were recalled just now, any number of them in one statement.
--
-- Rows are written in the order of their ids, so two sessions that note the same memories wait for one another, and
-- never each for the other.
create function note_memory_recalls(user_id uuid, memory_ids uuid[]) returns bigint
language sql volatile
begin atomic

    with noted as (
        insert into memory_importance as i (memory_id, recalls, recalled_at)
        select
            n.memory_id,
            1 as recalls,
            now() as recalled_at
        from memories_to_note(note_memory_recalls.user_id, memory_ids) as n
        order by n.memory_id
        on conflict (memory_id) do update
            set recalls = i.recalls + 1, recalled_at = greatest(i.recalled_at, excluded.recalled_at)
        returning i.memory_id
    )

    select count(*) from noted;

end;

comment on function note_memory_recalls(user_id uuid, memory_ids uuid[]) is
'Notes that these memories were recalled now, each once, and returns how many. Those of other users are passed over.';

-- Notes that memories were recalled just now, any number of them in one statement: of those that are the user's, and
-- that nobody is deleting.
--
-- What is written is locked first, so it cannot go meanwhile: the row of a memory here, which is deleted with it, or,
-- if there is none yet, the memory itself, as the foreign key would do it later. Memories that have a row are not
-- locked, because a lock is written into memories. One that is just being deleted is passed over. So no foreign key
-- fails at the end, and a first recall waits for nobody who deletes.
--
-- Each row is locked and written before the next one, in the order of the ids. So two sessions that note the same
-- memories wait for one another, and never each for the other.
create function note_memory_recalls(user_id uuid, memory_ids uuid[]) returns bigint
language sql volatile
begin atomic

    with noted as (
        insert into memory_importance as i (memory_id, recalls, recalled_at)
        select
            n.memory_id,
            1 as recalls,
            now() as recalled_at
        from (
            select m.id as memory_id
            from memories as m
            where m.id = any(memory_ids) and m.user_id = note_memory_recalls.user_id
            order by m.id
        ) as n
        where
            exists (
                select from memory_importance as i
                where i.memory_id = n.memory_id
                for no key update of i
            )
            or exists (
                select from memories as m
                where m.id = n.memory_id
                for key share of m skip locked
            )
        on conflict (memory_id) do update
            set recalls = i.recalls + 1, recalled_at = greatest(i.recalled_at, excluded.recalled_at)
        returning i.memory_id
    )

    select count(*) from noted;

end;

comment on function note_memory_recalls(user_id uuid, memory_ids uuid[]) is
'Notes that these memories were recalled now, each once, and returns how many. Those of other users are passed over.';

-- Merges the memories of a user that say the same, up to so many groups of them. Call it until it returns nothing, each
-- call a transaction of its own: small ones keep nobody waiting, and one that is cut short is undone alone. Calls for a
-- user take turns; as in 3504, by 1,024 locks that users share.
--
-- All that is to be merged is locked first, in the order of the ids, as others lock memories: group by group, each
-- could wait for the other for ever.
-- alongside: archive
create function merge_exact_duplicates(user_id uuid, batch integer default 100)
returns table (kept_id uuid, merged_id uuid, memory_type memory_type)
language sql volatile
set search_path = ''
begin atomic

    select
        pg_advisory_xact_lock(
            hashtextextended(
                'memdb merge', abs(hashtextextended(merge_exact_duplicates.user_id::text, 0) % 1024)
            )
        );

    with found as materialized (
        select d.memory_ids
        from exact_duplicates(merge_exact_duplicates.user_id) as d
        limit batch -- noqa: AM09
    ),

    locked as materialized (
        select
            lock_noted(
                'memories'::regclass,
                array(
                    select m.id
                    from memories as m
                    where
                        m.id = any(
                            array(
                                select g.id
                                from found as d
                                cross join lateral unnest(d.memory_ids) as g (id)
                            )
                        )
                    order by m.id
                    for update
                )
            ) as is_done
    )

    select
        m.kept_id,
        m.merged_id,
        m.memory_type
    from found as d
    cross join lateral merge_memories(merge_exact_duplicates.user_id, d.memory_ids, true) as m
    where (select l.is_done from locked as l);

end;

comment on function merge_exact_duplicates(user_id uuid, batch integer) is
'Merges memories of a user that say the same, as merge_memories does, up to so many groups of them, and returns a row '
'for each memory that is in the archive now.';

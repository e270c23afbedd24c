-- Archives what is pruned, tier by tier as the rules say, and deletes the rest. prune_memories has locked all of it.
-- Without embeddings, which are nearly all that a memory takes. So what is pruned is not found in the archive by
-- meaning, and comes back without an embedding.
-- alongside: archive
create or replace function discard_memories(memory_ids uuid[]) returns table (id uuid, memory_type memory_type)
language sql volatile
set search_path = ''
begin atomic

    with given as materialized (
        select
            m.id,
            coalesce(r.archive, false) as archive
        from memories as m
        left join memory_retention_rules as r on m.memory_type = r.memory_type
        where m.id = any(memory_ids)
    ),

    deleted as (
        delete from memories as m
        where
            m.id = any(
                array(
                    select g.id from given as g
                    where not g.archive
                )
            )
        returning m.id, m.memory_type
    )

    select
        d.id,
        d.memory_type
    from deleted as d
    union all
    select
        a.id,
        a.memory_type
    from
        archive_memories_of_all(
            array(
                select g.id from given as g
                where g.archive
            ),
            'pruned', null, false, null
        ) as a;

end;

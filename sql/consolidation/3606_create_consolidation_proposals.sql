-- Which memories could be summed up: those that are old enough, in no summary and in no job, and no summary themselves;
-- of each user and tier the oldest first, as many as fit into one. The rest waits until there are enough.
--
-- They come in the order of the locks that enqueue_consolidation takes: so two that enqueue what is proposed never wait
-- each for the other.
create function consolidation_proposals()
returns table (user_id uuid, memory_type memory_type, memory_ids uuid[])
language sql stable
begin atomic

    select
        p.user_id,
        p.memory_type,
        array_agg(p.id order by p.created_at, p.id) as memory_ids
    from (
        select
            m.id,
            m.user_id,
            m.memory_type,
            m.created_at,
            r.fewest,
            (
                row_number() over (partition by m.user_id, m.memory_type order by m.created_at, m.id) - 1
            ) / r.most as batch
        from memory_consolidation_rules as r
        inner join memories as m on r.memory_type = m.memory_type
        where
            m.created_at < now() - r.older_than
            and not exists (
                select from memory_sources as s
                where s.source_id = m.id or s.memory_id = m.id
            )
            and not exists (
                select from memory_consolidation_sources as j
                where j.source_id = m.id
            )
            and not exists (
                select from memories_hidden_from_consolidation() as h
                where h.memory_id = m.id
            )
    ) as p
    group by p.user_id, p.memory_type, p.batch, p.fewest
    having count(*) >= p.fewest
    order by abs(hashtextextended(p.user_id::text, 0) % 1024), min(p.created_at);

end;

comment on function consolidation_proposals() is
'Memories that could be summed up, a row for each summary: give them to enqueue_consolidation.';

-- A file that runs outside of a transaction holds one statement, so the comment on the index of 3605 is here.
comment on index ix_memories_consolidation is 'Finds old memories of a user and tier, which may be summed up.';

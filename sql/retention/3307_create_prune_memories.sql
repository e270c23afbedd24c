-- Deletes some of the memories that are due. Call it until it deletes none, each call a transaction of its own: small
-- ones keep nobody waiting, and a call that is cut short is undone alone.
--
-- Calls take turns, so however many there are, searches have one beside them. A memory that somebody else is changing
-- is passed over, and so is one that was recalled, or has come to another tier, since it was found; "is true" has it
-- looked up by its key. Without bitmap scans they are deleted in the order of their ids, as recalls are noted, so
-- neither waits for the other for ever. Whether what goes is deleted is said apart, for other sets to replace.
--
-- To find and lock a batch takes a while, and its statement sees nothing of what others commit meanwhile. So all are
-- looked at again once they are locked: somebody may have pinned one, and was told so.
create function memories_still_due(memory_ids uuid[], rules text[], recalls timestamptz[])
returns table (memory_id uuid)
language sql volatile
set search_path = ''
begin atomic

    select d.memory_id
    from unnest(memory_ids, rules, recalls) as d (memory_id, rule, recalled_at)
    left join memory_retention as e on d.memory_id = e.memory_id
    left join memory_recalls() as c on d.memory_id = c.memory_id
    where
        case
            when d.rule = 'expired' then e.expires_at <= now()
            else e.pinned is not true and d.recalled_at is not distinct from c.recalled_at
        end;

end;

create function discard_memories(memory_ids uuid[]) returns table (id uuid, memory_type memory_type)
language sql volatile
set search_path = ''
begin atomic

    with deleted as (
        delete from memories as m
        where m.id = any(memory_ids)
        returning m.id, m.memory_type
    )

    select
        d.id,
        d.memory_type
    from deleted as d;

end;

create function prune_memories(batch integer default 1000)
returns table (memory_type memory_type, rule text, memories bigint)
language sql volatile
set enable_bitmapscan = off
begin atomic

    select pg_advisory_xact_lock(hashtextextended('memdb prune', 0));

    with due as materialized (
        select
            m.id,
            d.rule,
            d.recalled_at
        from memories_due() as d
        cross join
            lateral (
                select m.id
                from memories as m
                where
                    m.id = d.memory_id
                    and (m.accessed_at = d.accessed_at and m.memory_type = d.memory_type) is true
                limit 1 -- noqa: AM09
                for update skip locked
            ) as m
        limit batch -- noqa: AM09
    ),

    found as (
        select
            array_agg(d.id) as ids,
            array_agg(d.rule) as rules,
            array_agg(d.recalled_at) as recalls
        from due as d
    )

    select
        x.memory_type,
        d.rule,
        count(*) as memories
    from
        discard_memories(
            array(
                select s.memory_id
                from found as f
                cross join lateral memories_still_due(f.ids, f.rules, f.recalls) as s
            )
        ) as x
    inner join due as d on x.id = d.id
    group by x.memory_type, d.rule
    order by x.memory_type, d.rule;

end;

comment on function memories_still_due(memory_ids uuid[], rules text[], recalls timestamptz[]) is
'Part of prune_memories: those of these memories, which it has locked, that nobody has pinned, recalled or given '
'another time since they were found.';
comment on function discard_memories(memory_ids uuid[]) is
'Part of prune_memories: deletes these memories, and says which those were.';
comment on function prune_memories(batch integer) is
'Deletes up to so many of the memories that are due, and returns how many it deleted, by tier and rule.';

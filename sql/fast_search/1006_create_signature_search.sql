-- The search for users of many memories: what is near by signature is compared by distance.
--
-- Bodies in the standard's form are parsed when a function is created: names keep their meaning wherever the table and
-- the extension live, with any search_path. Parameters stand in subqueries: each is evaluated once, and as the planner
-- cannot look through them, a plan is the same for every user, so that PostgreSQL 18 keeps it from call to call.

-- The same rows from two places, of which one is read: with a condition on metadata, the index alone has no answer.
-- This function becomes part of the statement that calls it, so only what that asks for is computed.
create function memory_signatures_of(user_id uuid, tiers memory_type[], metadata jsonb)
returns table (id uuid, signature bit(2048))
language sql stable parallel safe
begin atomic

    select
        m.id,
        m.signature
    from memories as m
    where
        m.user_id = (select memory_signatures_of.user_id)
        and (select memory_signatures_of.metadata is null)
        and ((select tiers is null) or m.memory_type = any((select tiers)::memory_type[]))
        and m.signature is not null
    union all
    select
        m.id,
        m.signature
    from memories as m
    where
        m.user_id = (select memory_signatures_of.user_id)
        and m.metadata @> (select memory_signatures_of.metadata)
        and (select memory_signatures_of.metadata is not null)
        and ((select tiers is null) or m.memory_type = any((select tiers)::memory_type[]))
        and m.signature is not null;

end;

comment on function memory_signatures_of(uuid, memory_type[], jsonb) is
'Part of search_memories: the signatures of a user''s memories, of these tiers and with this metadata where given.';

-- Bits are compared in two steps. All signatures of a user are read, and those dropped that differ from the question
-- in 45 bits more than the tenth best of the first thousand. 45 is the root of 2048, what chance makes of a difference.
-- What is left is ranked by bits of which the doubtful count half. The best 100 are compared by distance, and all that
-- are within 60 of the tenth. So a question that has no near answer gets as many comparisons as it needs, 2,000 at
-- most. Where no more than 250 memories pass the filters, all of them are compared.
create function search_memories_by_signature(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    metadata jsonb,
    candidates integer
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language sql stable parallel safe rows 10
set search_path = ''
begin atomic

    with question as materialized (
        select
            memory_signature(embedding)::bit(2048) as bits,
            bitxor(
                memory_signature(embedding)::bit(2048), memory_signature_doubts(embedding)::bit(2048)
            ) as doubts_flipped,
            greatest(k, coalesce(candidates, 10)) as wanted,
            greatest(k, coalesce(candidates, greatest(2000, 20 * k))) as most
    ),

    -- Whichever come first.
    sample as materialized (
        select hamming_distance(s.signature, (select q.bits from question as q)) as differing
        from
            memory_signatures_of(
                search_memories_by_signature.user_id, tiers, search_memories_by_signature.metadata
            ) as s
        limit 1000 -- noqa: AM09
    ),

    -- No row: nothing can be dropped.
    bound as materialized (
        select max(best.differing) + 45 as differing
        from (
            select s.differing
            from sample as s
            order by s.differing
            limit (select q.wanted from question as q)
        ) as best
        having
            count(*) = (select q.wanted from question as q)
            and (select count(*) from sample) > 250
    ),

    -- With the doubtful bits flipped, a difference in one of them takes away what it adds without: the sum of both
    -- leaves the others, twice. PostgreSQL would take longer to cut out bits than to compare all of them again.
    near as materialized (
        select
            s.id,
            (
                3 * hamming_distance(s.signature, (select q.bits from question as q))
                + hamming_distance(s.signature, (select q.doubts_flipped from question as q))
            ) / 2 as differing
        from
            memory_signatures_of(
                search_memories_by_signature.user_id, tiers, search_memories_by_signature.metadata
            ) as s
        where
            hamming_distance(s.signature, (select q.bits from question as q))
            <= coalesce((select b.differing from bound as b), 2048)
        order by differing
        limit (select q.most from question as q)
    ),

    reach as materialized (
        select
            greatest(
                coalesce(
                    (
                        select n.differing
                        from near as n
                        order by n.differing
                        limit 1 offset 99
                    ),
                    'infinity'
                ),
                (
                    select n.differing
                    from near as n
                    order by n.differing
                    limit 1 offset wanted - 1
                ) + 60
            ) as differing
        from question
        where candidates is null and exists (select from bound)
    )

    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        cosine_distance(m.embedding, (select search_memories_by_signature.embedding)) as distance
    from memories as m
    where
        m.id = any(array(
            select n.id
            from near as n
            where n.differing <= coalesce((select r.differing from reach as r), n.differing)
        ))
    order by distance
    limit k;

end;

comment on function search_memories_by_signature(uuid, vector, integer, memory_type[], jsonb, integer) is
'Part of search_memories, for users of many memories: the nearest by signature, compared by distance.';

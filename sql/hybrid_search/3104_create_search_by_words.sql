-- Search by words within one user's memories: any of the question's words is enough, and rare ones count most.
--
-- A score is that of BM25 (Robertson and Zaragoza 2009), each word counted once, and frequencies being those among the
-- user's own memories. Time is bounded: of each word 200 memories at most are read, and words that so many have, or an
-- eighth of the first 64 of a user with more than 1,000, are left out as long as there are others; they tell little
-- apart. Of a long question, the 12 words count that are most likely rare: those with digits, then the longest, of the
-- first 5,000 characters.
--
-- PostgreSQL uses an index under row-level security only for operators that cannot leak, and those for words are not
-- among them. So for a role that is held to policies, the words of all memories of the user are computed instead.
--
-- As in fast_search, names mean the same with any search_path, parameters are where the planner cannot look through
-- them, and "set jit = off" keeps this from being compiled. "is true" keeps the planner from reading all of a user's
-- memories by another index.
create function search_memories_by_words(
    user_id uuid,
    question text,
    k integer default 10,
    tiers memory_type[] default null,
    metadata jsonb default null
)
returns table (
    id uuid, content text, memory_type memory_type, metadata jsonb, score double precision, words text[]
)
language sql stable parallel safe rows 10
set jit = off
begin atomic

    with given as materialized (
        select
            user_id,
            question,
            tiers,
            metadata,
            row_security_active('memories'::regclass) as by_policies
    ),

    many as materialized (
        select g.user_id
        from given as g
        where
            exists (
                select
                from memories as m
                where m.user_id between g.user_id and g.user_id
                order by m.user_id
                limit 1 offset 1000
            )
    ),

    usual as materialized (
        select w.word
        from many as u
        cross join
            lateral (
                select m.content
                from memories as m
                where m.user_id between u.user_id and u.user_id
                order by m.user_id
                limit 64
            ) as m
        cross join lateral unnest(tsvector_to_array(memory_words(m.content))) as w (word)
        group by w.word
        having count(*) >= 8
    ),

    mentioned as materialized (
        select
            m.word,
            m.word in (select u.word from usual as u) as is_usual
        from given as g
        cross join unnest(tsvector_to_array(memory_words(left(g.question, 5000)))) as m (word)
    ),

    asked as materialized (
        select m.word
        from mentioned as m
        where not m.is_usual or (select bool_and(o.is_usual) from mentioned as o)
        order by
            translate(m.word, '0123456789', '') <> m.word desc,
            length(m.word) desc,
            m.word collate "C" asc
        limit 12
    ),

    -- Memories by the words they have; the length in bytes is known without reading a long text.
    having_word as materialized (
        select
            a.word,
            f.id,
            f.length
        from given as g
        cross join asked as a
        cross join
            lateral (
                select
                    m.id,
                    octet_length(m.content) as length
                from memories as m
                where
                    memory_word_keys(m.user_id, memory_words(m.content))
                    @@ memory_word_keys(g.user_id, array_to_tsvector(array[a.word]))::text::tsquery
                    and (m.user_id = g.user_id) is true
                    and (g.tiers is null or m.memory_type = any(g.tiers))
                    and (g.metadata is null or m.metadata @> g.metadata)
                limit 200 -- noqa: AM09
            ) as f
        where not g.by_policies
        union all
        select
            a.word,
            m.id,
            octet_length(m.content) as length
        from given as g
        inner join memories as m
            on
                m.user_id between g.user_id and g.user_id
                and (g.tiers is null or m.memory_type = any(g.tiers))
                and (g.metadata is null or m.metadata @> g.metadata)
        cross join lateral unnest(tsvector_to_array(memory_words(m.content))) as w (word)
        inner join asked as a on w.word = a.word
        where g.by_policies
    ),

    -- Weights are whole, so that sums are equal in whatever order they are made.
    counted as materialized (
        select
            h.word,
            count(*) >= 200 as is_common,
            (1000 * ln(1 + 1000 / least(count(*), 200)::double precision))::integer as weight
        from having_word as h
        group by h.word
    ),

    all_common as (
        select array_to_tsvector(array_agg(c.word)) as words
        from counted as c
        having bool_and(c.is_common) and count(*) > 1
    ),

    -- Where all words are common, those memories that have all of them may not be among the first 200 of any.
    having_all as materialized (
        select
            f.id,
            f.length
        from given as g
        cross join all_common as common
        cross join
            lateral (
                select
                    m.id,
                    octet_length(m.content) as length
                from memories as m
                where
                    memory_word_keys(m.user_id, memory_words(m.content))
                    @@ replace(memory_word_keys(g.user_id, common.words)::text, ''' ''', ''' & ''')::tsquery
                    and (m.user_id = g.user_id) is true
                    and (g.tiers is null or m.memory_type = any(g.tiers))
                    and (g.metadata is null or m.metadata @> g.metadata)
                limit 200 -- noqa: AM09
            ) as f
        where not g.by_policies
    ),

    counting as (
        select
            h.id,
            h.length,
            c.word,
            c.weight
        from having_word as h
        inner join counted as c on h.word = c.word
        where not c.is_common or (select bool_and(o.is_common) from counted as o)
        union
        select
            a.id,
            a.length,
            c.word,
            c.weight
        from having_all as a
        cross join counted as c
    ),

    matched as (
        select
            c.id,
            c.length,
            avg(c.length) over () as mean,
            sum(c.weight) as weight,
            array_agg(c.word order by c.weight desc, c.word collate "C" asc) as words
        from counting as c
        group by c.id, c.length
    ),

    best as materialized (
        select
            m.id,
            m.words,
            m.weight / 1000.0::double precision
            * 2.2 / (1 + 1.2 * (0.25 + 0.75 * m.length / m.mean::double precision)) as score
        from matched as m
        order by score desc, m.id asc
        limit coalesce(k, 10)
    )

    -- With the limit, each is looked up by its key, however many rows the planner expects.
    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        b.score,
        b.words
    from best as b
    cross join
        lateral (
            select
                m.id,
                m.content,
                m.memory_type,
                m.metadata
            from memories as m
            where m.id = b.id
            limit 1 -- noqa: AM09
        ) as m
    order by b.score desc, m.id asc;

end;

comment on function search_memories_by_words(
    user_id uuid, question text, k integer, tiers memory_type[], metadata jsonb
) is
'The k memories of a user that share the rarest words with a question, best first, with the words that were found: of '
'these tiers and with this metadata, where given. Memories need no embedding to be found.';
comment on index ix_memories_words is
'The words of each user''s memories: search_memories_by_words looks up those of a question.';

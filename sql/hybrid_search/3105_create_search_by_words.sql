-- Search by words within one user's memories: any of the question's words is enough, and rare ones count most.
--
-- A score is that of BM25 (Robertson and Zaragoza 2009), each word counted once, and frequencies being those among the
-- user's own memories. Words that 24 memories or more have are left out as long as rarer ones are found; they tell
-- little apart.
--
-- A code, which is words with signs between them, counts as a word of its own where a memory has all of it, as often as
-- it has parts. So what has the whole code comes before what has its parts, and is found where each of them is common.
-- Chinese, Japanese and Korean are written right beside a code, so it is looked up without their letters, too.
-- Their letters are in a class that a backslash of chr(92) escapes, whatever standard_conforming_strings says.
--
-- Time is bounded. Of a question, the 24 words count that are most likely rare: those with digits, then the longest, of
-- the first 3,000 characters, and 4 codes, by the same rule. If the user has more than 1,000 memories, words that an
-- eighth of 24 memories have are not even looked up, unless only they are left: finding half of all memories takes
-- long, for nothing.
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
            greatest(k, 24) as most,
            tiers,
            metadata
    ),

    sample as materialized (
        select tsvector_to_array(memory_words(s.content)) as words
        from given as g
        cross join
            lateral (
                select m.content
                from memories as m
                where m.user_id between g.user_id and g.user_id
                order by m.user_id
                limit 24
            ) as s
        where
            exists (
                select
                from memories as m
                where m.user_id between g.user_id and g.user_id
                order by m.user_id
                limit 1 offset 1000
            )
    ),

    asked as materialized (
        select
            a.word,
            (
                select count(*) from sample as s
                where a.word = any(s.words)
            ) as often
        from given as g
        cross join
            lateral (
                select w.word
                from unnest(tsvector_to_array(memory_words(left(g.question, 3000)))) as w (word)
                order by
                    translate(w.word, '0123456789', '') <> w.word desc,
                    length(w.word) desc,
                    w.word collate "C" asc
                limit 24
            ) as a
    ),

    rarest as (
        select array_agg(a.word) as words
        from (
            select
                a.word,
                a.often,
                row_number() over (order by a.often asc, a.word collate "C" asc) as place
            from asked as a
        ) as a
        where a.place <= 3 or a.often < 3
    ),

    coded as (
        select array_agg(c.code) as codes
        from (
            select distinct
                c.code[1] as code,
                translate(c.code[1], '0123456789', '') <> c.code[1] as has_digits,
                length(c.code[1]) as length
            from given as g
            cross join
                regexp_matches(
                    lower(left(g.question, 3000)) || ' '
                    || regexp_replace(
                        lower(left(g.question, 3000)),
                        replace('[~u3040-~u30ff~u3400-~u9fff~uac00-~ud7af]', '~', chr(92)),
                        ' ',
                        'g'
                    ),
                    '[[:alnum:]]+(?:[-_/.@:#+]+[[:alnum:]]+)+',
                    'g'
                ) as c (code)
            where length(c.code[1]) <= 100
            order by has_digits desc, length desc, code asc
            limit 4
        ) as c
    ),

    having_word as materialized (
        select
            h.word,
            h.id,
            h.length,
            h.parts,
            count(*) over (partition by h.word) as memories
        from given as g
        cross join rarest as r
        cross join coded as c
        cross join lateral memories_having_words(g.user_id, r.words, c.codes, g.most, g.tiers, g.metadata) as h
    ),

    -- Weights are whole, so that sums are equal in whatever order they are made.
    weighed as (
        select
            h.word,
            h.id,
            h.length,
            h.parts * (1000 * ln(1 + 1000 / least(h.memories, 24)::double precision))::integer as weight
        from having_word as h
        where h.memories < 24 or (select min(o.memories) >= 24 from having_word as o)
    ),

    matched as (
        select
            w.id,
            w.length,
            avg(w.length) over () as mean,
            sum(w.weight) as weight,
            array_agg(w.word order by w.weight desc, w.word collate "C" asc) as words
        from weighed as w
        group by w.id, w.length
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

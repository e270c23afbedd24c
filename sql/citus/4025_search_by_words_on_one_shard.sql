-- The same for search_memories_by_words of 3105. What a sample of the user's memories says is asked first, and the
-- memories that are found are read last; what lies between needs no table.
-- alongside: hybrid_search
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4025_search_by_words_on_one_shard',
    'search_memories_by_words(uuid, text, integer, memory_type[], jsonb)'
);

create function search_memories_saying(
    owner uuid, question text, k integer, tiers memory_type[], contained jsonb
)
returns table (
    id uuid, content text, memory_type memory_type, metadata jsonb, score double precision, words text[]
)
language plpgsql stable parallel restricted rows 10
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    said text[];
begin
    perform from memories as m
    where m.user_id = owner
    limit 1 offset 1000;
    if found then
        select array_agg(w.word) into said
        from (
            select m.content
            from memories as m
            where m.user_id = owner
            limit 24
        ) as s
        cross join lateral unnest(tsvector_to_array(memory_words(s.content))) as w (word);
    end if;

    return query
    with asked as materialized (
        select
            a.word,
            (
                select count(*) from unnest(said) as s (word)
                where a.word = s.word
            ) as often
        from (
            select w.word
            from unnest(tsvector_to_array(memory_words(left(question, 3000)))) as w (word)
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
            from
                regexp_matches(
                    lower(left(question, 3000)) || ' '
                    || regexp_replace(
                        lower(left(question, 3000)),
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
        from rarest as r
        cross join coded as c
        cross join lateral memories_having_words(owner, r.words, c.codes, greatest(k, 24), tiers, contained) as h
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
        limit k
    )

    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        b.score,
        b.words
    from best as b
    inner join memories_with_ids(owner, array(select o.id from best as o)) as m on b.id = m.id
    order by b.score desc, m.id asc;
end;
$$;

comment on function search_memories_saying(uuid, text, integer, memory_type[], jsonb) is
'Part of search_memories_by_words: reads one shard.';

create or replace function search_memories_by_words(
    user_id uuid,
    question text,
    k integer default 10,
    tiers memory_type[] default null,
    metadata jsonb default null
)
returns table (
    id uuid, content text, memory_type memory_type, metadata jsonb, score double precision, words text[]
)
language sql stable parallel restricted rows 10
begin atomic

    select
        s.id,
        s.content,
        s.memory_type,
        s.metadata,
        s.score,
        s.words
    from search_memories_saying(user_id, question, coalesce(k, 10), tiers, metadata) as s;

end;

select memory_fix_search_paths(
    'search_memories_saying(uuid, text, integer, memory_type[], jsonb)'
);

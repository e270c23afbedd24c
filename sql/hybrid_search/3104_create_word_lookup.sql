-- Looks words up among one user's memories: a row for each word that a memory has, `most` memories of a word.
--
-- A code, such as 2024-03-05, is looked up as a whole too, because its parts may be so common that none leads to it.
-- The index gives memories that have all parts, a thousand for all codes, and those are found that have them side by
-- side and in this order, whatever the signs between them. A row says how many parts there are: 1 for a word.
--
-- PostgreSQL uses an index under row-level security only for operators that cannot leak, and those for words are not
-- among them. So for a role that is held to policies, the words of all memories of the user are computed instead. A
-- function with its owner's rights could use the index, and would show the memories that other policies hide.
--
-- As in fast_search, names mean the same with any search_path, and parameters are where the planner cannot look through
-- them. "is true" keeps it from reading all of a user's memories by another index, "set jit = off" from compiling.
create function memories_having_words(
    user_id uuid, words text[], codes text[], most integer, tiers memory_type[], metadata jsonb
)
returns table (word text, id uuid, length integer, parts integer)
language sql stable parallel safe rows 100
set jit = off
begin atomic

    with given as materialized (
        select
            user_id,
            words,
            codes,
            most,
            tiers,
            metadata,
            row_security_active('memories'::regclass) as by_policies,
            (
                select string_agg(array_to_tsvector(array[a.word])::text, ' | ')
                from unnest(words) as a (word)
            )::tsquery as any_word
    ),

    hidden as materialized (
        select h.memory_id
        from given as g
        cross join memories_hidden_from_words(g.user_id) as h
    ),

    wholes as materialized (
        select
            c.code,
            translate(c.code, '-_/.@:#+', '        ') as text,
            w.keys,
            w.every_part,
            w.parts
        from given as g
        cross join unnest(g.codes) as c (code)
        cross join
            lateral (
                select
                    string_agg(
                        memory_word_keys(g.user_id, array_to_tsvector(array[w.word]))::text, ' & '
                    )::tsquery as keys,
                    string_agg(array_to_tsvector(array[w.word])::text, ' & ')::tsquery as every_part,
                    count(*)::integer as parts
                from unnest(tsvector_to_array(memory_words(c.code))) as w (word)
            ) as w
    )

    -- The length in bytes is known without reading a long text.
    select
        a.word,
        f.id,
        f.length,
        1 as parts
    from given as g
    cross join unnest(g.words) as a (word)
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
                and (
                    (select not exists (select from hidden))
                    or m.id not in (select h.memory_id from hidden as h)
                )
            limit g.most -- noqa: AM09
        ) as f
    where not g.by_policies
    union all
    select
        w.code as word,
        f.id,
        f.length,
        w.parts
    from given as g
    cross join wholes as w
    cross join
        lateral (
            select
                m.id,
                m.length
            from (
                select
                    m.id,
                    m.content,
                    octet_length(m.content) as length
                from memories as m
                where
                    memory_word_keys(m.user_id, memory_words(m.content)) @@ w.keys
                    and (m.user_id = g.user_id) is true
                    and (g.tiers is null or m.memory_type = any(g.tiers))
                    and (g.metadata is null or m.metadata @> g.metadata)
                    and (
                        (select not exists (select from hidden))
                        or m.id not in (select h.memory_id from hidden as h)
                    )
                limit 1000 / cardinality(g.codes) -- noqa: AM09
            ) as m
            where strpos(translate(lower(left(m.content, 100000)), '-_/.@:#+', '        '), w.text) > 0
            limit g.most -- noqa: AM09
        ) as f
    where not g.by_policies
    union all
    select
        w.word,
        f.id,
        f.length,
        w.parts
    from given as g
    cross join
        lateral (
            select
                m.id,
                m.content,
                octet_length(m.content) as length,
                memory_words(m.content) as words
            from memories as m
            where
                m.user_id between g.user_id and g.user_id
                and (g.tiers is null or m.memory_type = any(g.tiers))
                and (g.metadata is null or m.metadata @> g.metadata)
                and (
                    (select not exists (select from hidden))
                    or m.id not in (select h.memory_id from hidden as h)
                )
            offset 0 -- noqa: AM09
        ) as f
    cross join
        lateral (
            select
                w.word,
                1 as parts
            from unnest(tsvector_to_array(f.words)) as w (word)
            where w.word = any(g.words)
            union all
            select
                c.code as word,
                c.parts
            from wholes as c
            where
                f.words @@ c.every_part
                and strpos(translate(lower(left(f.content, 100000)), '-_/.@:#+', '        '), c.text) > 0
        ) as w
    where
        g.by_policies
        and (
            f.words @@ g.any_word
            or exists (
                select
                from wholes as c
                where f.words @@ c.every_part
            )
        );

end;

comment on function memories_having_words(
    user_id uuid, words text[], codes text[], most integer, tiers memory_type[], metadata jsonb
) is
'Part of search_memories_by_words: which of a user''s memories have each of these words and codes.';

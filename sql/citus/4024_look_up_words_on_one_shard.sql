-- The same for memories_having_words of 3104. A role that is held to policies finds the same, but more slowly: on a
-- shard, PostgreSQL then computes the words of all memories of the user.
-- alongside: hybrid_search
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4024_look_up_words_on_one_shard',
    'memories_having_words(uuid, text[], text[], integer, memory_type[], jsonb)'
);

create or replace function memories_having_words(
    user_id uuid, words text[], codes text[], most integer, tiers memory_type[], metadata jsonb
)
returns table (word text, id uuid, length integer, parts integer)
language plpgsql stable parallel restricted rows 100
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(
        select h.memory_id from memories_hidden_from_words(memories_having_words.user_id) as h
    );
begin
    return query
    with wholes as materialized (
        select
            c.code,
            translate(c.code, '-_/.@:#+', '        ') as text,
            w.keys,
            w.parts
        from unnest(codes) as c (code)
        cross join
            lateral (
                select
                    string_agg(
                        memory_word_keys(memories_having_words.user_id, array_to_tsvector(array[w.word]))::text, ' & '
                    )::tsquery as keys,
                    count(*)::integer as parts
                from unnest(tsvector_to_array(memory_words(c.code))) as w (word)
            ) as w
    )

    select
        a.word,
        f.id,
        f.length,
        1 as parts
    from unnest(words) as a (word)
    cross join
        lateral (
            select
                m.id,
                octet_length(m.content) as length
            from memories as m
            where
                m.user_id = memories_having_words.user_id
                and memory_word_keys(m.user_id, memory_words(m.content))
                @@ memory_word_keys(memories_having_words.user_id, array_to_tsvector(array[a.word]))::text::tsquery
                and (tiers is null or m.memory_type = any(tiers))
                and (memories_having_words.metadata is null or m.metadata @> memories_having_words.metadata)
                and m.id <> all(hidden)
            limit most -- noqa: AM09
        ) as f
    union all
    select
        w.code as word,
        f.id,
        f.length,
        w.parts
    from wholes as w
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
                    m.user_id = memories_having_words.user_id
                    and memory_word_keys(m.user_id, memory_words(m.content)) @@ w.keys
                    and (tiers is null or m.memory_type = any(tiers))
                    and (memories_having_words.metadata is null or m.metadata @> memories_having_words.metadata)
                    and m.id <> all(hidden)
                limit 1000 / cardinality(codes) -- noqa: AM09
            ) as m
            where strpos(translate(lower(left(m.content, 100000)), '-_/.@:#+', '        '), w.text) > 0
            limit most -- noqa: AM09
        ) as f;
end;
$$;

select memory_fix_search_paths(
    'memories_having_words(uuid, text[], text[], integer, memory_type[], jsonb)'
);

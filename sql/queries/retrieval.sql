-- How memories are found by meaning, by words, or by both, with whichever functions of the sets are there: for
-- memdb.store and memdb search. retrieval.py puts these blocks together: {ranked}, {near}, {worded}, {of_user} and
-- {expired} are blocks themselves, {of_user} is of_user or of_collection. The names of tables, functions and types are
-- put in, too.
--
-- The parameters are the user $1, the embedding $2, how many $3, tiers $4, the greatest distance $5, what metadata
-- contain $6, the text $7, and the only memory that is of interest $8; a list that no function gives also takes a
-- jsonpath $9 that has to hold for metadata, and the id $10 of a collection where it is read from one. NULL is no
-- condition. Without embedding or text, the other list is alone.

-- name: surroundings
-- What is there: the schema of the extension (no row: there is none) and the number of its type vector, the type of
-- embeddings, the type of tiers and its schema where the search_path does not lead to it (NULL: there is no table),
-- those functions of sets that stand beside the table, are what their names lead to, and may be called, and whether
-- each statement of a transaction sees what others have committed; the model that has taken over, as target.sql finds
-- it, and how many numbers a question has that the embeddings in memories still answer.
with place as (
    select
        n.nspname,
        v.oid as vector,
        t.oid as tier,
        t.typarray as tiers,
        t.typname,
        c.relnamespace,
        c.oid as memories,
        array['uuid'::regtype, 'text'::regtype, t.oid, 'jsonb'::regtype]::oid[] as memory,
        case when not pg_type_is_visible(t.oid) then s.nspname end as tier_schema
    from pg_extension as e
    inner join pg_namespace as n on e.extnamespace = n.oid
    inner join pg_type as v on n.oid = v.typnamespace and v.typname = 'vector'
    left join pg_class as c on c.oid = pg_catalog.to_regclass(%(table_name)s)::pg_catalog.oid
    left join pg_attribute as a on c.oid = a.attrelid and a.attname = 'memory_type'
    left join pg_type as t on a.atttypid = t.oid
    left join pg_namespace as s on t.typnamespace = s.oid
    where e.extname = 'vector'
)

select
    l.nspname as extension,
    l.vector,
    coalesce(e.typname, 'vector') as embedding,
    l.tier_schema,
    l.typname as tier,
    array(
        select f.name
        from (
            values
            (
                'search_memories',
                array[
                    u.atttypid, e.oid, 'integer'::regtype, l.tiers, 'float8'::regtype, 'jsonb'::regtype,
                    'integer'::regtype
                ],
                '{user_id,embedding,k,tiers,max_distance,metadata,candidates,id,content,memory_type,metadata,distance}',
                l.memory || 'float8'::regtype::oid
            ),
            (
                'search_memories_where',
                array[
                    u.atttypid, e.oid, 'jsonpath'::regtype, 'integer'::regtype, l.tiers, 'float8'::regtype,
                    'jsonb'::regtype, 'integer'::regtype
                ],
                '{user_id,embedding,condition,k,tiers,max_distance,metadata,candidates,'
                'id,content,memory_type,metadata,distance}',
                l.memory || 'float8'::regtype::oid
            ),
            (
                'search_memories_by_words',
                array[u.atttypid, 'text'::regtype, 'integer'::regtype, l.tiers, 'jsonb'::regtype],
                '{user_id,question,k,tiers,metadata,id,content,memory_type,metadata,score,words}',
                l.memory || array['float8'::regtype, 'text[]'::regtype]::oid[]
            ),
            (
                'search_memories_hybrid',
                array[
                    u.atttypid, 'text'::regtype, e.oid, 'integer'::regtype, l.tiers, 'float8'::regtype,
                    'jsonb'::regtype
                ],
                '{user_id,question,embedding,k,tiers,max_distance,metadata,'
                'id,content,memory_type,metadata,score,distance,vector_rank,word_score,word_rank,words}',
                l.memory || array[
                    'float8'::regtype, 'float8'::regtype, 'integer'::regtype, 'float8'::regtype, 'integer'::regtype,
                    'text[]'::regtype
                ]::oid[]
            ),
            (
                'recall_memories',
                array[
                    u.atttypid, e.oid, 'integer'::regtype, l.tiers, 'float8'::regtype, 'jsonb'::regtype,
                    'jsonpath'::regtype
                ],
                '{user_id,embedding,k,tiers,max_distance,metadata,condition,'
                'id,content,memory_type,metadata,score,distance,relevance,'
                'recency,recency_factor,importance,importance_factor,recalls,recalled_at}',
                l.memory || array_fill('float8'::regtype::oid, array[7])
                || array['bigint'::regtype, 'timestamptz'::regtype]::oid[]
            ),
            (
                'search_memories_in_collection',
                array[
                    u.atttypid, 'uuid'::regtype, e.oid, 'integer'::regtype, l.tiers, 'float8'::regtype,
                    'jsonb'::regtype, 'jsonpath'::regtype
                ],
                '{user_id,collection_id,embedding,k,tiers,max_distance,metadata,condition,'
                'id,content,memory_type,metadata,distance}',
                l.memory || 'float8'::regtype::oid
            ),
            ('memories_expired', array[u.atttypid], '{user_id,memory_id}', array['uuid'::regtype]::oid[]),
            (
                'memories_with_ids',
                array[u.atttypid, 'uuid[]'::regtype],
                '{owner,ids,id,user_id,memory_type,content,metadata,created_at,accessed_at}',
                array[
                    'uuid'::regtype, u.atttypid, l.tier, 'text'::regtype, 'jsonb'::regtype, 'timestamptz'::regtype,
                    'timestamptz'::regtype
                ]::oid[]
            )
        ) as f (name, takes, names, gives)
        inner join pg_proc as p
            on
                p.oid = pg_catalog.to_regprocedure(
                    %(place)s || f.name
                    || '(' || (
                        select string_agg(format_type(a.oid, null), ', ' order by a.place)
                        from unnest(f.takes) with ordinality as a (oid, place)
                    ) || ')'
                )::pg_catalog.oid
                and l.relnamespace = p.pronamespace
                and p.proargnames = f.names::text[]
                and p.proallargtypes[p.pronargs + 1:] = f.gives
                and has_function_privilege(p.oid, 'execute')
    ) as functions,
    current_setting('default_transaction_isolation') = 'read committed' as reads_what_is_committed,
    s.model as successor,
    case when s.dimensions <> m.atttypmod and s.has_former then m.atttypmod end as former_dimensions
from place as l
left join pg_attribute as u on l.memories = u.attrelid and u.attname = 'user_id'
left join pg_attribute as m on l.memories = m.attrelid and m.attname = 'embedding'
left join pg_type as e on m.atttypid = e.oid
left join
    lateral (
        select
            coalesce(
                substring(
                    obj_description(c.oid, 'pg_class') from '^Embeddings of memories by the model (.*)[.] Written by'
                ),
                c.relname::text
            ) as model,
            a.atttypmod as dimensions,
            exists(
                select
                from pg_depend as f
                inner join pg_proc as b on f.refobjid = b.oid
                inner join pg_depend as r on b.oid = r.objid and r.classid = 'pg_proc'::regclass
                where
                    f.objid = w.oid and f.classid = 'pg_proc'::regclass and f.refclassid = 'pg_proc'::regclass
                    and r.refclassid = 'pg_class'::regclass and r.refobjid = l.memories and r.refobjsubid = m.attnum
            ) as has_former
        from pg_proc as w
        inner join
            pg_depend as d
            on w.oid = d.objid and d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_proc'::regclass
        inner join pg_proc as p on d.refobjid = p.oid and w.pronamespace = p.pronamespace
        inner join
            pg_class as c
            on
                w.pronamespace = c.relnamespace and c.relkind = 'r'
                and regexp_replace(p.proname, '^search_memories_where', 'memory_embeddings') = c.relname
        inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'embedding'
        where w.pronamespace = l.relnamespace and w.proname = 'search_memories_where'
        limit 1 -- noqa: AM09
    ) as s
    on true;

-- name: found
-- The best memories, best first.
-- Times that other programs have set may be infinite, or before Christ: Python has none, and drivers would fail.
with f as materialized (
    select r.*
    from ({ranked}) as r
)

select
    m.id,
    m.user_id,
    m.memory_type::text,
    m.content,
    m.metadata::text,
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(m.accessed_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    f.distance,
    f.score,
    f.vector_rank,
    f.word_score,
    f.word_rank,
    f.words
from f
cross join lateral ({memory}) as m
where $8::uuid is null or f.id = $8::uuid
order by f.score desc, f.id asc;

-- name: weighed
-- The best of recall_memories, best first, with all that their scores are made of. The jsonpath is $7.
with f as materialized (
    select r.*
    from
        {recall_memories}(
            $1,
            cast(cast($2 as {sent}) as {embedding}),
            $3::integer,
            $4::text[]::{tier}[],
            $5::double precision,
            $6::text::jsonb,
            $7::text::jsonpath
        ) as r
)

select
    m.id,
    m.user_id,
    m.memory_type::text,
    m.content,
    m.metadata::text,
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(m.accessed_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    f.distance,
    f.score,
    f.relevance,
    f.recency,
    f.recency_factor,
    f.importance,
    f.importance_factor,
    f.recalls,
    case
        when f.recalled_at is not null
            then least(greatest(f.recalled_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00')
    end
from f
cross join lateral ({memory}) as m
order by f.score desc, f.distance asc, f.id asc;

-- name: of_one_table
-- Each memory is looked up by its key, however many rows the planner expects.
select
    m.id,
    m.user_id,
    m.memory_type,
    m.content,
    m.metadata,
    m.created_at,
    m.accessed_at
from {table} as m
where f.id = m.id and m.user_id = $1
order by m.id
limit 1;

-- name: of_shards
-- The same where memories are distributed: a statement that calls functions cannot read such a table itself. This one
-- is called once for all.
select m.*
from {memories_with_ids}($1, array(select r.id from f as r)) as m
where f.id = m.id;

-- name: ranked_by_function
select
    h.id,
    h.distance,
    h.score,
    h.vector_rank,
    h.word_score,
    h.word_rank,
    h.words
from
    {search_memories_hybrid}(
        $1,
        $7::text,
        cast(cast($2 as {sent}) as {embedding}),
        $3::integer,
        $4::text[]::{tier}[],
        $5::double precision,
        $6::text::jsonb
    ) as h;

-- name: ranked
-- As search_memories_hybrid merges them: twice as many of each list, by reciprocal rank fusion.
select
    coalesce(n.id, w.id) as id,
    n.distance,
    coalesce(1.0::double precision / (60 + n.place), 0) + coalesce(1.0::double precision / (60 + w.place), 0) as score,
    n.place as vector_rank,
    w.score as word_score,
    w.place as word_rank,
    w.words
from (
    select
        n.id,
        n.distance,
        (row_number() over (order by n.distance, n.id))::integer as place
    from ({near}) as n
) as n
full join (
    select
        w.id,
        w.score,
        w.words,
        (row_number() over (order by w.score desc, w.id asc))::integer as place
    from ({worded}) as w
) as w on n.id = w.id
order by score desc, id asc
limit $3::integer;

-- name: near_by_function
select
    s.id,
    s.distance
from
    {search_memories}(
        $1,
        cast(cast($2 as {sent}) as {embedding}),
        least(2 * $3::bigint, 2147483647)::integer,
        $4::text[]::{tier}[],
        $5::double precision,
        $6::text::jsonb,
        null
    ) as s;

-- name: near_by_condition
select
    s.id,
    s.distance
from
    {search_memories_where}(
        $1,
        cast(cast($2 as {sent}) as {embedding}),
        $9::text::jsonpath,
        least(2 * $3::bigint, 2147483647)::integer,
        $4::text[]::{tier}[],
        $5::double precision,
        $6::text::jsonb,
        null
    ) as s;

-- name: near_in_collection
select
    s.id,
    s.distance
from
    {search_memories_in_collection}(
        $1,
        $10::uuid,
        cast(cast($2 as {sent}) as {embedding}),
        least(2 * $3::bigint, 2147483647)::integer,
        $4::text[]::{tier}[],
        $5::double precision,
        $6::text::jsonb,
        $9::text::jsonpath
    ) as s;

-- name: near
-- cosine_distance is what <=> stands for; as no index serves it, no plan can lose rows. The embedding is converted
-- once. The distance to an embedding of zeros is NaN, which is beyond any.
select
    n.id,
    n.distance
from (
    select
        m.id,
        {extension}.cosine_distance(m.embedding, (select cast(cast($2 as {sent}) as {embedding}))) as distance
    from ({of_user}) as m
    where m.embedding is not null and cast($2 as {sent}) is not null
) as n
where n.distance <= coalesce($5::double precision, 2)
order by n.distance asc, n.id asc
limit 2 * $3::bigint;

-- name: worded_by_function
select
    s.id,
    s.score,
    s.words
from
    {search_memories_by_words}(
        $1, $7::text, least(2 * $3::bigint, 2147483647)::integer, $4::text[]::{tier}[], $6::text::jsonb
    ) as s;

-- name: worded
-- The words of memory_words and the score of search_memories_by_words, with all memories of the user read.
with asked as materialized (
    select a.word
    from
        unnest(
            tsvector_to_array(to_tsvector('simple', translate(left($7::text, 3000), '-_/.@:#+<>&', '           ')))
        ) as a (word)
    order by translate(a.word, '0123456789', '') <> a.word desc, length(a.word) desc, a.word collate "C" asc
    limit 24
),

wholes as materialized (
    select
        c.code,
        c.text,
        plainto_tsquery('simple', c.text) as every_part,
        length(to_tsvector('simple', c.text)) as parts
    from (
        select distinct
            c.code[1] as code,
            translate(c.code[1], '-_/.@:#+', '        ') as text,
            translate(c.code[1], '0123456789', '') <> c.code[1] as has_digits,
            length(c.code[1]) as length
        from
            regexp_matches(
                lower(left($7::text, 3000)) || ' '
                || regexp_replace(
                    lower(left($7::text, 3000)),
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
        w.word,
        m.id,
        m.length,
        w.parts
    from (
        select
            m.id,
            m.content,
            octet_length(m.content) as length,
            to_tsvector('simple', translate(left(m.content, 100000), '-_/.@:#+<>&', '           ')) as words
        from ({of_user}) as m
        where $7::text is not null
        offset 0 -- noqa: AM09
    ) as m
    cross join
        lateral (
            select
                a.word,
                1 as parts
            from unnest(tsvector_to_array(m.words)) as w (word)
            inner join asked as a on w.word = a.word
            union all
            select
                w.code as word,
                w.parts
            from wholes as w
            where
                m.words @@ w.every_part
                and strpos(translate(lower(left(m.content, 100000)), '-_/.@:#+', '        '), w.text) > 0
        ) as w
),

counted as (
    select
        h.word,
        max(h.parts) * (1000 * ln(1 + 1000 / least(count(*), 24)::double precision))::integer as weight,
        count(*) < 24 or min(count(*)) over () >= 24 as counts
    from having_word as h
    group by h.word
),

matched as (
    select
        h.id,
        h.length,
        avg(h.length) over () as mean,
        sum(c.weight) as weight,
        array_agg(c.word order by c.weight desc, c.word collate "C" asc) as words
    from having_word as h
    inner join counted as c on h.word = c.word and c.counts
    group by h.id, h.length
)

select
    m.id,
    m.weight / 1000.0::double precision
    * 2.2 / (1 + 1.2 * (0.25 + 0.75 * m.length / m.mean::double precision)) as score,
    m.words
from matched as m
order by score desc, m.id asc
limit 2 * $3::bigint;

-- name: of_user
select
    m.id,
    m.content,
    m.embedding
from {table} as m
where
    m.user_id = $1
    and ($4::text[] is null or m.memory_type = any((select $4::text[]::{tier}[])::{tier}[]))
    and ($6::text is null or m.metadata @> (select $6::text::jsonb))
    and ($9::text is null or coalesce(m.metadata, '{}') @@ (select $9::text::jsonpath))
    and m.id not in ({expired});

-- name: of_collection
-- Each memory is looked up by its key, however many rows the planner expects.
select
    m.id,
    m.content
from {memories_in_collection}($1, $10) as c
cross join
    lateral (
        select
            m.id,
            m.memory_type,
            m.content,
            m.metadata
        from {table} as m
        where c.id = m.id
        limit 1 -- noqa: AM09
    ) as m
where
    ($4::text[] is null or m.memory_type = any((select $4::text[]::{tier}[])::{tier}[]))
    and ($6::text is null or m.metadata @> (select $6::text::jsonb))
    and ($9::text is null or coalesce(m.metadata, '{}') @@ (select $9::text::jsonpath));

-- name: of_collection_in_shard
-- The same where memories are distributed: no function, and the user of each table.
select
    m.id,
    m.content,
    m.embedding
from {table} as m
where
    m.user_id = $1
    and m.id in (
        select c.memory_id from {memory_collection_members} as c
        where c.user_id = $1 and c.collection_id = $10
    )
    and ($4::text[] is null or m.memory_type = any((select $4::text[]::{tier}[])::{tier}[]))
    and ($6::text is null or m.metadata @> (select $6::text::jsonb))
    and ($9::text is null or coalesce(m.metadata, '{}') @@ (select $9::text::jsonpath));

-- name: expired
-- As memories_expired has it, which a shard does not have.
select r.memory_id from {memory_retention} as r
where r.user_id = $1 and r.expires_at <= statement_timestamp();

-- name: nothing_expires
select null::uuid
where false;

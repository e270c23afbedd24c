-- What memdb compare-models asks. {schema} and {vector} are where memories and the extension live, {beside} is the
-- table of the new model's embeddings, {former} that of the former one's, and {former_key} its column of memories.
-- {search}, {rows}, {key} and {embedding_type} are of the model that is asked.

-- name: functions
-- The functions that answer questions of the new model and of the former one: that keeps a name of its own once the new
-- one is switched to. With each, whether it belongs to whom memories belong to.
select
    f.place,
    p.proname::text,
    p.proowner = m.relowner
from pg_class as m
inner join pg_proc as p on m.relnamespace = p.pronamespace
inner join unnest(%(names)s::text[]) with ordinality as f (name, place) on p.proname = f.name
where m.oid = %(memories)s::oid
order by f.place;

-- name: coverage
-- Memories, those with an embedding of the former model, of the new one, of both, of which those of the new one can be
-- found by the text that the memory has now; and those whose text is another now.
with known as (
    select
        f.embedding is not null as has_former,
        e.memory_id is not null as has_new,
        e.signature is not null as can_be_found,
        e.content_hash <> substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) as is_stale
    from {schema}.memories as m
    left join {former} as f on m.id = f.{former_key} -- noqa: PRS
    left join {beside} as e on m.id = e.memory_id
)

select
    count(*),
    count(*) filter (where k.has_former),
    count(*) filter (where k.has_new),
    count(*) filter (where k.can_be_found and not k.is_stale),
    count(*) filter (where k.has_former and k.can_be_found and not k.is_stale),
    count(*) filter (where k.is_stale)
from known as k;

-- name: sizes
-- Bytes of the embeddings of the former model with the indexes on them, and of the table of the new one with its own.
-- Where the former one has a table as well, its bytes are those of that table.
select
    case
        when f.oid <> m.oid then pg_total_relation_size(f.oid)
        else
            (
                select coalesce(avg(pg_column_size(s.embedding)), 0)::bigint
                from (
                    select r.embedding from {schema}.memories as r
                    where r.embedding is not null
                    limit 1000 -- noqa: AM09
                ) as s
            ) * %(of_former)s::bigint
            + (
                select coalesce(sum(pg_relation_size(i.indexrelid)), 0)
                from pg_index as i
                where
                    i.indrelid = m.oid
                    and exists (
                        select
                        from pg_attribute as a
                        where
                            a.attrelid = i.indrelid and a.attnum = any(i.indkey)
                            and a.attname in ('embedding', 'signature')
                    )
            )
    end,
    pg_total_relation_size(c.oid)
from pg_class as m
inner join pg_class as f on m.relnamespace = f.relnamespace and f.relname = %(former)s
inner join pg_class as c on m.relnamespace = c.relnamespace and c.relname = %(table)s
where m.oid = %(memories)s::oid;

-- name: questions
-- Memories that have embeddings of both models, as questions: the same ones each time.
select
    m.id,
    m.user_id,
    f.embedding::real[],
    e.embedding::real[]
from {beside} as e
inner join {schema}.memories as m on e.memory_id = m.id
inner join {former} as f on m.id = f.{former_key}
where f.embedding is not null
order by uuid_hash(m.id), m.id
limit %(most)s;

-- name: asked
select s.id
from {search}(%(user)s, %(numbers)s::real[]::{vector}.vector, null, %(k)s) as s; -- noqa: PRS

-- name: exact
-- As searches have it: what has expired is not found, nor what has an embedding of zeros, whose distance is NaN.
select n.{key} -- noqa: PRS
from (
    select
        m.{key},
        {vector}.cosine_distance(m.embedding, %(numbers)s::real[]::{embedding_type}) as distance
    from {rows} as m
    where
        m.user_id = %(user)s and m.embedding is not null
        and m.{key} not in (select h.memory_id from {schema}.memories_hidden(%(user)s) as h)
    order by distance, m.{key}
    limit %(k)s
) as n
where n.distance <> 'NaN'
order by n.distance, n.{key};

-- The archived memories of a user that are nearest to an embedding, by the distances of all of them: no index, so none
-- is lost. Those that were archived without an embedding are not found: their distance is NULL. With OFFSET, each is
-- computed once.
create function search_memory_archive(
    user_id uuid,
    embedding vector,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null,
    reasons text[] default null,
    valid_at timestamptz default null
)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    distance double precision,
    valid_from timestamptz,
    valid_to timestamptz,
    reason text,
    replaced_by uuid
)
language sql stable parallel safe
set search_path = ''
begin atomic

    with given as materialized (
        select
            memory_question_in_archive(embedding) as embedding,
            vector_norm(memory_question_in_archive(embedding)) as norm
    ),

    -- Nothing is near an embedding of zeros. If the squares of an embedding overflow or underflow single precision, its
    -- direction is used instead.
    question as (
        select
            vector_dims(g.embedding) as dimensions,
            case
                when g.norm between 1e-15 and 1e15 then g.embedding
                when g.norm > 0 then l2_normalize(g.embedding)
            end as embedding
        from given as g
        offset 0 -- noqa: AM09
    )

    select
        f.id,
        f.content,
        f.memory_type,
        f.metadata,
        f.distance,
        f.valid_from,
        f.valid_to,
        f.reason,
        f.replaced_by
    from (
        select
            a.*,
            cosine_distance(e.compared, q.embedding) as distance
        from question as q
        cross join memory_archive as a
        cross join memory_embedding_in_archive(a.embedding, a.beside, q.dimensions) as e
        where
            a.user_id = search_memory_archive.user_id
            and (tiers is null or a.memory_type = any(tiers))
            and (search_memory_archive.metadata is null or a.metadata @> search_memory_archive.metadata)
            and (reasons is null or a.reason = any(reasons))
            and (valid_at is null or (a.valid_from <= valid_at and valid_at < a.valid_to))
            and not exists (
                select from memories_hidden_in_archive(search_memory_archive.user_id) as h
                where h.memory_id = a.id
            )
        offset 0 -- noqa: AM09
    ) as f
    where f.distance <= coalesce(max_distance, 2)
    order by f.distance, f.id
    limit coalesce(k, 10);

end;

comment on function search_memory_archive(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    reasons text[],
    valid_at timestamptz
) is
'The k archived memories of a user that are nearest to an embedding, nearest first; of those alone that were archived '
'for one of the reasons, and held at a time.';

-- What is to be said of the embedding of each memory. That one is stale is known without reading embeddings, as long as
-- few texts have changed; that one is unknown, only by reading them all.
create function memory_embedding_states(model text default null)
returns table (memory_id uuid, user_id uuid, memory_type memory_type, state text)
language sql stable
begin atomic

    select
        m.id as memory_id,
        m.user_id,
        m.memory_type,
        case
            when m.embedding is null then 'missing'
            when s.memory_id is null or s.embedding_hash <> memory_embedding_hash(m.embedding) then 'unknown'
            when s.content_hash <> memory_content_hash(m.content) then 'stale'
            when s.model <> memory_embedding_states.model then 'other model'
            else 'current'
        end as state
    from memories as m
    left join memory_embedding_sources as s on m.id = s.memory_id;

end;

comment on function memory_embedding_states(model text) is
'Of each memory, whether its embedding is missing, stale (the text has changed since), of another model than the one '
'that is given, unknown (nobody has said what made it), or current.';

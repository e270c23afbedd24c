-- What is in a collection. PostgreSQL inlines it, so an order and a limit belong into the statement that calls it. Each
-- memory is looked up by its key.
create function memories_in_collection(user_id uuid, collection_id uuid)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    created_at timestamptz,
    added_at timestamptz
)
language sql stable parallel safe
begin atomic

    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        m.created_at,
        c.added_at
    from memory_collection_members as c
    cross join
        lateral (
            select
                m.id,
                m.content,
                m.memory_type,
                m.metadata,
                m.created_at
            from memories as m
            where m.id = c.memory_id
            limit 1 -- noqa: AM09
        ) as m
    where
        c.collection_id = memories_in_collection.collection_id
        and c.user_id = memories_in_collection.user_id
        and not exists (
            select from memories_hidden_in_collections() as h
            where h.memory_id = c.memory_id
        );

end;

comment on function memories_in_collection(user_id uuid, collection_id uuid) is
'The memories in a collection of a user, in no order.';

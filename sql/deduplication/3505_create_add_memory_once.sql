-- Adds a memory unless the user has one that says the same, in whatever tier. Two that add the same at a time add one.
--
-- Each statement of the function sees what was committed before it began, so the second sees what was added by whom the
-- first has waited for.
create function add_memory_once(
    user_id uuid,
    memory_type memory_type,
    content text,
    embedding vector,
    metadata jsonb default '{}',
    created_at timestamptz default now()
)
returns table (memory_id uuid, is_new boolean)
language sql volatile
begin atomic

    select take_turns_adding(add_memory_once.user_id);

    with known as materialized (
        select memory_with_content(add_memory_once.user_id, add_memory_once.content) as memory_id
    ),

    added as (
        insert into memories (user_id, memory_type, content, embedding, metadata, created_at)
        select
            add_memory_once.user_id,
            add_memory_once.memory_type,
            add_memory_once.content,
            add_memory_once.embedding,
            add_memory_once.metadata,
            coalesce(add_memory_once.created_at, now()) as created_at
        from known as k
        where k.memory_id is null
        returning id
    )

    select
        k.memory_id,
        false as is_new
    from known as k
    where k.memory_id is not null
    union all
    select
        a.id as memory_id,
        true as is_new
    from added as a;

end;

comment on function add_memory_once(
    user_id uuid,
    memory_type memory_type,
    content text,
    embedding vector,
    metadata jsonb,
    created_at timestamptz
) is
'Adds a memory, unless the user has one that says the same, but for white space: then that is left as it is. Returns '
'which memory says it, and whether it is new.';

-- The functions of 3503 and 3505, which look a text up in the index of the user's shard and add it there.
--
-- Whose memories are added take turns on the coordinator, as in 3504, and a transaction ends there after it has ended
-- on the worker. What is hidden is asked first: shards know no functions but memory_content_key, which they need for
-- the index.
-- alongside: deduplication
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4034_look_up_texts_on_one_shard',
    'memory_with_content'::regproc,
    'add_memory_once'::regproc
);

create or replace function memory_with_content(user_id uuid, content text) returns uuid
language plpgsql stable parallel restricted
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    key constant uuid := memory_content_key(memory_with_content.content);
    hidden constant uuid[] := array(
        select h.memory_id from memories_hidden_from_duplicates(memory_with_content.user_id) as h
    );
    known uuid;
begin
    select m.id into known
    from memories as m
    where
        m.user_id = memory_with_content.user_id
        and memory_content_key(m.content) = key
        and m.id <> all(hidden)
    order by m.created_at, m.id
    limit 1;
    return known;
end;
$$;

create or replace function add_memory_once(
    user_id uuid,
    memory_type memory_type,
    content text,
    embedding vector,
    metadata jsonb default '{}',
    created_at timestamptz default now()
)
returns table (memory_id uuid, is_new boolean)
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    known uuid;
begin
    perform take_turns_adding(add_memory_once.user_id);
    known := memory_with_content(add_memory_once.user_id, add_memory_once.content);
    if known is not null then
        return query select
            known as memory_id,
            false as is_new;
        return;
    end if;
    insert into memories as m (user_id, memory_type, content, embedding, metadata, created_at)
    values (
        add_memory_once.user_id,
        add_memory_once.memory_type,
        add_memory_once.content,
        add_memory_once.embedding,
        add_memory_once.metadata,
        coalesce(add_memory_once.created_at, now())
    )
    returning m.id into known;
    return query select
        known as memory_id,
        true as is_new;
end;
$$;

select memory_fix_search_paths('memory_with_content'::regproc, 'add_memory_once'::regproc);

-- What embeddings were made of says whose the memory is, and its keys begin with the user. The functions that write and
-- read it do so from here on; shards have no functions for the hashes, so these are written out.
-- alongside: embeddings
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid, adding-serial-primary-key-field -- another key
-- squawk-ignore-file adding-not-nullable-field, adding-foreign-key-constraint, prefer-text-field -- rows are narrow
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4013_key_embedding_sources_by_user',
    'note_embedding_model'::regproc,
    'memory_embedding_states'::regproc
);

create or replace function note_embedding_model(user_id uuid, memory_ids uuid[], model text) returns bigint
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    known uuid[];
    contents bytea[];
    embeddings bytea[];
begin
    select array_agg(k.id), array_agg(k.content_hash), array_agg(k.embedding_hash) into known, contents, embeddings
    from (
        select
            m.id,
            substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) as content_hash,
            substr(sha256(vector_send(m.embedding)), 1, 16) as embedding_hash
        from memories as m
        where m.user_id = note_embedding_model.user_id and m.id = any(memory_ids) and m.embedding is not null
        order by m.id
        for key share of m skip locked
    ) as k;
    insert into memory_embedding_sources as s (user_id, memory_id, model, content_hash, embedding_hash)
    select
        note_embedding_model.user_id,
        k.id,
        note_embedding_model.model,
        k.content_hash,
        k.embedding_hash
    from unnest(known, contents, embeddings) as k (id, content_hash, embedding_hash)
    on conflict on constraint memory_embedding_sources_pkey do update
        set
            model = excluded.model,
            content_hash = excluded.content_hash,
            embedding_hash = excluded.embedding_hash;
    return coalesce(cardinality(known), 0);
end;
$$;

create or replace function memory_embedding_states(model text default null)
returns table (memory_id uuid, user_id uuid, memory_type memory_type, state text)
language plpgsql stable
as $$
#variable_conflict use_column
begin
    return query
    select
        m.id,
        m.user_id,
        m.memory_type,
        case
            when m.embedding is null then 'missing'
            when
                s.memory_id is null
                or s.embedding_hash <> substr(sha256(vector_send(m.embedding)), 1, 16)
                then 'unknown'
            when s.content_hash <> substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) then 'stale'
            when s.model <> memory_embedding_states.model then 'other model'
            else 'current'
        end
    from memories as m
    left join memory_embedding_sources as s on m.user_id = s.user_id and m.id = s.memory_id;
end;
$$;

select memory_fix_search_paths('note_embedding_model'::regproc, 'memory_embedding_states'::regproc);

alter table memory_embedding_sources add column user_id uuid null;
comment on column memory_embedding_sources.user_id is 'Whose memory it is.';
update memory_embedding_sources as s
set user_id = m.user_id
from memories as m
where s.memory_id = m.id;
alter table memory_embedding_sources
alter column user_id set not null,
drop constraint memory_embedding_sources_pkey,
drop constraint memory_embedding_sources_memory_id_fkey;
alter table memory_embedding_sources
add constraint memory_embedding_sources_pkey primary key (user_id, memory_id),
add constraint memory_embedding_sources_memory_id_fkey foreign key (user_id, memory_id)
references memories (user_id, id) on delete cascade;
comment on constraint memory_embedding_sources_pkey on memory_embedding_sources is 'One row for a memory.';
comment on constraint memory_embedding_sources_memory_id_fkey on memory_embedding_sources is
'Deleting a memory deletes what its embedding was made of.';

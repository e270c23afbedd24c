-- Takes memories out of memories, with all that is beside them, and keeps them. One statement reads, stores and
-- deletes. Memories are locked in the order of their ids, so of two calls for the same ones, one waits, and then finds
-- nothing to do.
--
-- An archived row of the user with the same id can only be of a memory that an import has brought back: the newer one
-- is kept.
--
-- Without embeddings means without those of a model that has a table of its own, too (docs/changing-models.md).
--
-- What replaces them is a memory of the same user, locked with them so that it does not go meanwhile; a function in SQL
-- cannot say what is wrong.
create function require_memories(wanted uuid[], there uuid[]) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    missing constant uuid := (select min(w.id::text)::uuid from unnest(wanted) as w (id) where w.id <> all(there));
begin
    if array_position(wanted, null) is not null or wanted[1] = wanted[2] then
        raise exception 'a memory is replaced by another one' using errcode = 'invalid_parameter_value',
            hint = 'Nothing was changed. Give the ids of two memories.';
    end if;
    if missing is not null then
        raise exception 'memory % is not among the memories of this user', missing using errcode = 'no_data_found',
            hint = 'Nothing was changed. If it is archived, memory_versions says what replaced it, and restore_memories '
                'brings it back.';
    end if;
end;
$$;

create function archive_memories_of_all(
    memory_ids uuid[], reason text, replaced_by uuid, with_embeddings boolean, valid_to timestamptz
)
returns table (id uuid, memory_type memory_type)
language sql volatile
set search_path = ''
begin atomic

    with going as materialized (
        select
            m.id,
            m.user_id,
            m.memory_type,
            m.content,
            case when coalesce(with_embeddings, true) then m.embedding end as embedding,
            m.metadata,
            m.created_at,
            m.accessed_at,
            coalesce(archive_memories_of_all.valid_to, now()) as valid_to
        from memories as m
        where m.id = any(memory_ids) and m.id is distinct from archive_memories_of_all.replaced_by
        order by m.id
        for update
    ),

    stored as (
        insert into memory_archive as a (
            id, user_id, memory_type, content, embedding, metadata, created_at, accessed_at, valid_from, valid_to,
            reason, replaced_by, beside
        )
        select
            g.id,
            g.user_id,
            g.memory_type,
            g.content,
            g.embedding,
            g.metadata,
            g.created_at,
            g.accessed_at,
            least(g.created_at, g.valid_to, p.valid_to) as valid_from,
            g.valid_to,
            archive_memories_of_all.reason,
            archive_memories_of_all.replaced_by,
            case
                when coalesce(with_embeddings, true) then coalesce(b.beside, '{}')
                else
                    (
                        select coalesce(jsonb_object_agg(x.key, x.value), '{}')
                        from jsonb_each(b.beside) as x
                        where x.key not like 'memory\_embeddings\_%'
                    )
            end as beside
        from going as g
        left join
            rows_beside_memories('memories'::regclass, array(select x.id from going as x)) as b
            on g.id = b.memory_id
        left join
            lateral (
                select min(p.valid_to) as valid_to
                from memory_archive as p
                where p.replaced_by = g.id and p.user_id = g.user_id and p.reason = 'superseded'
            ) as p
            on true
        on conflict (id, user_id) do update
            set
                memory_type = excluded.memory_type,
                content = excluded.content,
                embedding = excluded.embedding,
                metadata = excluded.metadata,
                created_at = excluded.created_at,
                accessed_at = excluded.accessed_at,
                valid_from = excluded.valid_from,
                valid_to = excluded.valid_to,
                archived_at = excluded.archived_at,
                reason = excluded.reason,
                replaced_by = excluded.replaced_by,
                beside = excluded.beside
        returning a.id
    ),

    gone as (
        delete from memories as m
        where m.id = any(array(select s.id from stored as s))
        returning m.id, m.memory_type
    )

    select
        g.id,
        g.memory_type
    from gone as g;

end;

create function archive_memories(
    user_id uuid,
    memory_ids uuid[],
    reason text,
    replaced_by uuid default null,
    with_embeddings boolean default true,
    valid_to timestamptz default null
)
returns bigint
language sql volatile
set search_path = ''
begin atomic

    select
        require_memories(
            array[archive_memories.replaced_by],
            array(
                select m.id
                from memories as m
                where m.user_id = archive_memories.user_id and m.id = any(memory_ids || archive_memories.replaced_by)
                order by m.id
                for update
            )
        )
    where archive_memories.replaced_by is not null;

    select count(*)
    from
        archive_memories_of_all(
            array(
                select m.id
                from memories as m
                where m.id = any(memory_ids) and m.user_id = archive_memories.user_id
            ),
            reason,
            replaced_by,
            with_embeddings,
            valid_to
        );

end;

comment on function require_memories(uuid[], uuid[]) is
'Part of archive_memories and supersede_memory: raises an error for what is not there.';

comment on function archive_memories_of_all(uuid[], text, uuid, boolean, timestamptz) is
'Part of archive_memories: the same for memories of whichever users, and which ones those were.';

comment on function archive_memories(
    user_id uuid,
    memory_ids uuid[],
    reason text,
    replaced_by uuid,
    with_embeddings boolean,
    valid_to timestamptz
) is
'Moves these memories from memories to memory_archive, with all that refers to them, and returns how many. Those of '
'other users are passed over, and so is replaced_by, which is a memory of the user, too: else an error.';

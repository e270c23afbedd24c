-- Takes merges back: what was merged into a memory is there again, as it was, and the memory has its own times again. A
-- recall since the merge counts. Nothing is taken back where nothing of this user's was merged into it, as where the
-- memory was given to another user without what was merged into it; where that is seen, it is an error.
-- alongside: archive
create function require_unarchived(memory_id uuid) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'memory % is archived itself, so what was merged into it stays there', memory_id
        using errcode = 'no_data_found',
            hint = 'Nothing was changed. Bring it back first: restore_memories.';
end;
$$;

create function require_merged_given_along(memory_id uuid) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'what was merged into memory % is another user''s in the archive', memory_id
        using errcode = 'no_data_found',
            hint = 'Nothing was changed. If the memory was given to this user, and what was merged into it is to go '
                'along, give it to them in memory_archive, too (its user_id).';
end;
$$;

create function unmerge_memories(user_id uuid, memory_id uuid) returns table (restored_id uuid)
language sql volatile
set search_path = ''
begin atomic

    select require_unarchived(a.id)
    from memory_archive as a
    where
        a.id = unmerge_memories.memory_id and a.user_id = unmerge_memories.user_id
        and not exists (
            select from memories as m
            where m.id = a.id
        );

    select m.id
    from memories as m
    where m.id = unmerge_memories.memory_id and m.user_id = unmerge_memories.user_id
    for update;

    select require_merged_given_along(m.id)
    from memories as m
    where
        m.id = unmerge_memories.memory_id and m.user_id = unmerge_memories.user_id
        and exists (
            select from memory_merges as g
            where g.memory_id = m.id
        )
        and exists (
            select from memory_archive as a
            where a.replaced_by = m.id and a.reason = 'merged'
        )
        and not exists (
            select from memory_archive as a
            where a.replaced_by = m.id and a.user_id = m.user_id and a.reason = 'merged'
        );

    update memories as m
    set
        created_at = g.created_at,
        accessed_at = case
            when m.accessed_at > greatest(g.accessed_at, o.accessed_at) then m.accessed_at
            else g.accessed_at
        end
    from memory_merges as g
    cross join
        (
            select max(a.accessed_at) as accessed_at
            from memory_archive as a
            where
                a.user_id = unmerge_memories.user_id and a.replaced_by = unmerge_memories.memory_id
                and a.reason = 'merged'
        ) as o
    where
        m.id = g.memory_id and m.id = unmerge_memories.memory_id and m.user_id = unmerge_memories.user_id
        and exists (
            select from memory_archive as a
            where a.replaced_by = m.id and a.user_id = m.user_id and a.reason = 'merged'
        )
        and (m.created_at, m.accessed_at) <> (g.created_at, g.accessed_at);

    with taken_back as materialized (
        delete from memory_merges as g
        using memories as m
        where
            g.memory_id = m.id and m.id = unmerge_memories.memory_id
            and m.user_id = unmerge_memories.user_id
            and exists (
                select from memory_archive as a
                where a.replaced_by = m.id and a.user_id = m.user_id and a.reason = 'merged'
            )
        returning g.memory_id, g.noted_before, g.noted_after
    ),

    restored as materialized (
        select r.memory_id
        from taken_back as t
        cross join
            lateral restore_memories(
                unmerge_memories.user_id,
                array(
                    select a.id
                    from memory_archive as a
                    where
                        a.user_id = unmerge_memories.user_id and a.replaced_by = t.memory_id
                        and a.reason = 'merged'
                )
            ) as r
    ),

    noted as materialized (
        select
            unmerge_noted(
                'memories'::regclass,
                t.memory_id,
                array(select r.memory_id from restored as r),
                noted_of_memory('memories'::regclass, t.memory_id),
                t.noted_before,
                t.noted_after
            ) as is_done
        from taken_back as t
    )

    select r.memory_id as restored_id
    from restored as r
    where (select bool_and(n.is_done) from noted as n);

end;

comment on function require_unarchived(memory_id uuid) is
'Part of unmerge_memories: raises the error for a memory that is in the archive.';
comment on function require_merged_given_along(memory_id uuid) is
'Part of unmerge_memories: raises the error for a memory that was given away without what was merged into it.';
comment on function unmerge_memories(user_id uuid, memory_id uuid) is
'Takes back all merges into this memory of a user, and returns the memories that are there again. An error if it is '
'archived itself, or if all that was merged into it is another user''s by now.';

-- What a memory replaced, what replaced that, and so on, in both directions, whichever of them is asked for. UNION ends
-- the search at what was seen before.
create function memory_versions(user_id uuid, memory_id uuid)
returns table (
    id uuid,
    memory_type memory_type,
    content text,
    valid_from timestamptz,
    valid_to timestamptz,
    reason text,
    replaced_by uuid
)
language sql stable
set search_path = ''
begin atomic

    with recursive linked as (
        select memory_versions.memory_id as id
        union
        select n.id
        from linked as l
        cross join
            lateral (
                select a.replaced_by as id
                from memory_archive as a
                where a.id = l.id and a.user_id = memory_versions.user_id and a.replaced_by is not null
                union all
                select a.id
                from memory_archive as a
                where a.replaced_by = l.id and a.user_id = memory_versions.user_id
            ) as n
    )

    select
        a.id,
        a.memory_type,
        a.content,
        a.valid_from,
        a.valid_to,
        a.reason,
        a.replaced_by
    from linked as l
    inner join memory_archive as a on l.id = a.id
    where
        a.user_id = memory_versions.user_id
        and not exists (
            select from memories_hidden_in_archive(memory_versions.user_id) as h
            where h.memory_id = a.id
        )
    union all
    select
        m.id,
        m.memory_type,
        m.content,
        least(
            m.created_at,
            (
                select min(a.valid_to)
                from memory_archive as a
                where a.replaced_by = m.id and a.user_id = m.user_id and a.reason = 'superseded'
            )
        ) as valid_from,
        null as valid_to,
        null as reason,
        null as replaced_by
    from linked as l
    inner join memories as m on l.id = m.id
    where
        m.user_id = memory_versions.user_id
        and not exists (
            select from memories_hidden_in_archive(memory_versions.user_id) as h
            where h.memory_id = m.id
        )
    order by valid_from, valid_to, id;

end;

comment on function memory_versions(user_id uuid, memory_id uuid) is
'A memory with all that it replaced and that replaced it, oldest first. What holds today has no valid_to.';

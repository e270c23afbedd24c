-- Which summaries tell of something that is no longer so: a source was deleted or has expired, or says something else
-- than when it was read. Each source is looked up by its key, and hashed. To have one made anew, delete it: what is
-- left of its sources is proposed again.
create function stale_summaries()
returns table (memory_id uuid, user_id uuid, sources bigint, deleted bigint, changed bigint)
language sql stable
begin atomic

    select
        m.id as memory_id,
        m.user_id,
        count(*) as sources,
        count(*) filter (where o.hash is null) as deleted,
        count(*) filter (where o.hash <> s.content_hash) as changed
    from memory_sources as s
    inner join memories as m on s.memory_id = m.id
    left join
        lateral ( -- noqa: ST05
            select sha256(convert_to(x.content, 'UTF8')) as hash
            from memories as x
            where
                x.id = s.source_id
                and not exists (
                    select from memories_hidden_from_consolidation() as h
                    where h.memory_id = x.id
                )
            limit 1 -- noqa: AM09
        ) as o
        on true
    group by m.id, m.user_id
    having count(*) filter (where (o.hash = s.content_hash) is not true) > 0;

end;

comment on function stale_summaries() is
'The summaries of which sources were deleted, have expired or have changed since, and how many of how many. What has '
'expired counts as deleted.';

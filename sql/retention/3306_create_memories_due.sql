-- Which memories are to go, and by which rule: each once, by the first that applies.
--
-- Expired and idle ones come one by one, each found in its index, so whoever takes some does not wait for the rest.
-- What else is known of them is looked up by key. Which are too many takes a look at all of the tier, in the index
-- alone. When each was last recalled is said as it was seen, for those that take some to see whether it still is so.
create function memories_due()
returns table (
    memory_id uuid, memory_type memory_type, rule text, accessed_at timestamptz, recalled_at timestamptz
)
language sql stable
begin atomic

    with rules as materialized (
        select
            r.memory_type,
            case when r.idle_for is not null and (select memories_are_recalled()) then now() - r.idle_for end
                as idle_before,
            r.most_per_user
        from memory_retention_rules as r
    )

    select
        m.id as memory_id,
        m.memory_type,
        'expired' as rule,
        m.accessed_at,
        null as recalled_at
    from memory_retention as e
    cross join
        lateral (
            select
                m.id,
                m.memory_type,
                m.accessed_at
            from memories as m
            where m.id = e.memory_id
            limit 1 -- noqa: AM09
        ) as m
    where e.expires_at <= now()
    union all
    select
        i.id as memory_id,
        i.memory_type,
        'idle' as rule,
        i.accessed_at,
        i.recalled_at
    from rules as r
    cross join
        lateral (
            select
                m.id,
                m.memory_type,
                m.accessed_at,
                (
                    select c.recalled_at
                    from memory_recalls() as c
                    where c.memory_id = m.id
                ) as recalled_at
            from memories as m
            where
                m.memory_type = r.memory_type
                and m.accessed_at < r.idle_before
                and (
                    select e.pinned or e.expires_at <= now()
                    from memory_retention as e
                    where e.memory_id = m.id
                ) is not true
                and (
                    select c.recalled_at >= r.idle_before
                    from memory_recalls() as c
                    where c.memory_id = m.id
                ) is not true
            order by m.accessed_at
            offset 0 -- noqa: AM09
        ) as i
    union all
    select
        s.id as memory_id,
        s.memory_type,
        'most per user' as rule,
        s.accessed_at,
        s.recalled_at
    from rules as r
    cross join
        lateral (
            select
                m.id,
                m.memory_type,
                m.accessed_at,
                c.recalled_at,
                row_number() over (
                    partition by m.user_id order by greatest(m.accessed_at, c.recalled_at) desc, m.id desc
                ) as place
            from memories as m
            left join memory_recalls() as c on m.id = c.memory_id
            where
                r.most_per_user is not null
                and m.memory_type = r.memory_type
                and (r.idle_before is null or greatest(m.accessed_at, c.recalled_at) >= r.idle_before)
                and not exists (
                    select from memory_retention as e
                    where e.memory_id = m.id and (e.pinned or e.expires_at <= now())
                )
        ) as s
    where s.place > r.most_per_user;

end;

comment on function memories_due() is
'The memories that prune_memories will delete, and the rule that says so: expired, idle, or most per user.';

-- Gives a worker some jobs for as long as its lease lasts, those that have waited longest, each with what its memories
-- say now. Jobs that others are taking are passed over, so no two workers get the same one.
--
-- First, of the jobs that come before these, those of which no memory is left are deleted, and those that were taken
-- too often are set aside, also where each worker died with them. So however long the queue is, no more of it is read
-- than is given away or taken out: jobs come in the order of their index, and the rest is looked up by its key. Plans
-- are made while the queue is empty, as in 3607, so the settings say so; what is locked job by job, or by its
-- place in the table, is joined in no other way.
--
-- What a memory says is hashed in the same moment in which it is given away. One that somebody is deleting is not
-- given, and not waited for: who deletes many may come to the memories of these jobs in any order. Those of jobs that
-- are deleted are locked in the order of their ids.
--
-- A lease that has run out before it begins would give the next worker the same job, and one without an end would keep
-- it from all: a function in SQL cannot say what is wrong with it.
create function consolidation_lease(lease interval) returns interval
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if lease <= '0' or lease > '1 day' then
        raise exception 'a lease of % is not possible', lease using errcode = 'invalid_parameter_value',
            hint = 'No job was taken. Give more than nothing, and a day at most.';
    end if;
    return coalesce(lease, '5 minutes');
end;
$$;

create function claim_consolidation(worker text, lease interval default '5 minutes', batch integer default 1)
returns table (
    job_id uuid,
    token uuid,
    user_id uuid,
    memory_type memory_type,
    attempt bigint,
    leased_until timestamptz,
    memories jsonb
)
language sql volatile
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
begin atomic

    select consolidation_lease(lease);

    with last as materialized (
        select
            d.available_at,
            d.id
        from memory_consolidation_jobs as d
        where
            d.available_at <= now() and d.set_aside_at is null and d.attempts < d.most_attempts
            and (
                select true
                from memory_consolidation_sources as s
                where
                    s.job_id = d.id
                    and (
                        select m.user_id = d.user_id from memories as m
                        where m.id = s.source_id
                        limit 1 -- noqa: AM09
                    )
                    and (
                        select true from memories_hidden_from_consolidation() as h
                        where h.memory_id = s.source_id
                        limit 1 -- noqa: AM09
                    ) is not true
                limit 1 -- noqa: AM09
            )
        order by d.available_at, d.id
        limit 1 offset greatest(coalesce(batch, 2147483647), 1) - 1
    ),

    waiting as materialized (
        select
            e.id,
            e.attempts >= e.most_attempts as was_taken_too_often,
            (
                select true
                from memory_consolidation_sources as s
                where
                    s.job_id = e.id
                    and (
                        select m.user_id = e.user_id from memories as m
                        where m.id = s.source_id
                        limit 1 -- noqa: AM09
                    )
                    and (
                        select true from memories_hidden_from_consolidation() as h
                        where h.memory_id = s.source_id
                        limit 1 -- noqa: AM09
                    ) is not true
                limit 1 -- noqa: AM09
            ) as has_memories
        from memory_consolidation_jobs as e
        where
            e.available_at <= now() and e.set_aside_at is null
            and (e.available_at, e.id) < (
                coalesce((select l.available_at from last as l), 'infinity'),
                coalesce((select l.id from last as l), '00000000-0000-0000-0000-000000000000')
            )
        order by e.available_at, e.id
        for update of e skip locked
    ),

    locked as materialized (
        select s.job_id
        from waiting as w
        cross join
            lateral (
                select o.job_id
                from memory_consolidation_sources as o
                where o.job_id = w.id
                order by (o.source_id, o.place)
                for update
            ) as s
        where w.has_memories is not true
    ),

    emptied as (
        delete from memory_consolidation_jobs as j
        where
            j.id = any(
                array(
                    select w.id from waiting as w
                    where w.has_memories is not true
                )
            )
            and (select count(*) from locked) >= 0
        returning 1
    ),

    set_aside as (
        update memory_consolidation_jobs as j
        set
            set_aside_at = now(),
            token = null,
            last_error = coalesce(j.last_error, 'no worker that took it has said anything before its lease ran out')
        where
            j.id = any(
                array(
                    select w.id from waiting as w
                    where w.has_memories and w.was_taken_too_often
                )
            )
        returning 1
    )

    select
        (select count(*) from emptied) as emptied,
        (select count(*) from set_aside) as set_aside;

    with picked as materialized (
        select d.id
        from memory_consolidation_jobs as d
        where
            d.available_at <= now() and d.set_aside_at is null and d.attempts < d.most_attempts
            and (
                select true
                from memory_consolidation_sources as s
                where
                    s.job_id = d.id
                    and (
                        select m.user_id = d.user_id from memories as m
                        where m.id = s.source_id
                        limit 1 -- noqa: AM09
                    )
                    and (
                        select true from memories_hidden_from_consolidation() as h
                        where h.memory_id = s.source_id
                        limit 1 -- noqa: AM09
                    ) is not true
                limit 1 -- noqa: AM09
            )
        order by d.available_at, d.id
        limit batch
        for update of d skip locked
    ),

    claimed as (
        update memory_consolidation_jobs as j
        set
            token = gen_random_uuid(),
            worker = claim_consolidation.worker,
            available_at = now() + consolidation_lease(lease),
            attempts = j.attempts + 1
        where j.id = any(array(select p.id from picked as p))
        returning j.id, j.token, j.user_id, j.memory_type, j.attempts, j.available_at
    ),

    locked as materialized (
        select
            s.job_id,
            s.place,
            s.source_id,
            s.at
        from claimed as c
        cross join
            lateral (
                select
                    o.job_id,
                    o.place,
                    o.source_id,
                    o.ctid as at
                from memory_consolidation_sources as o
                where o.job_id = c.id
                for update skip locked
            ) as s
    ),

    said as materialized (
        select
            s.job_id,
            s.place,
            s.at,
            m.id,
            m.content,
            m.memory_type,
            m.metadata,
            m.created_at
        from claimed as c
        inner join locked as s on c.id = s.job_id
        left join memories as m
            on
                s.source_id = m.id and c.user_id = m.user_id
                and not exists (
                    select from memories_hidden_from_consolidation() as h
                    where h.memory_id = m.id
                )
    ),

    hashed as (
        update memory_consolidation_sources as s
        set content_hash = sha256(convert_to(g.content, 'UTF8'))
        from said as g
        where s.ctid = g.at
    )

    select
        c.id as job_id,
        c.token,
        c.user_id,
        c.memory_type,
        c.attempts as attempt,
        c.available_at as leased_until,
        (
            select
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'id', g.id,
                            'content', g.content,
                            'memory_type', g.memory_type,
                            'metadata', g.metadata,
                            'created_at', g.created_at
                        )
                        order by g.place
                    ),
                    '[]'
                )
            from said as g
            where g.job_id = c.id and g.id is not null
        ) as memories
    from claimed as c;

end;

comment on function consolidation_lease(lease interval) is
'Part of claim_consolidation: the lease, or five minutes for NULL; an error for one of no time, or of more than a day.';
comment on function claim_consolidation(worker text, lease interval, batch integer) is
'Gives a worker up to so many jobs until its lease runs out, with a token for each, and the memories to be summed up.';

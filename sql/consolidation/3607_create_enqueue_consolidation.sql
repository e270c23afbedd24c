-- Makes a job of those of the memories that are the user's and in no other job. Whoever listens to memory_consolidation
-- hears of it at the commit. The message says nothing, as everybody may listen.
--
-- Two that enqueue for the same user take turns: each sees what the other has enqueued. As in 3504, there are 1,024
-- locks that users share, which fit the server's table of locks however many users one transaction enqueues for. A
-- memory that is just being deleted is passed over, so no foreign key fails at the end. A summary has the longest-kept
-- tier of its sources.
--
-- Plans are made while the queue is empty, as it usually is, and kept: without the setting, all that was enqueued
-- before would be read for each job, by the foreign keys' own statements as well. A join would read the whole index, so
-- with "is not true", each memory is looked up by its key.
create function enqueue_consolidation(user_id uuid, memory_ids uuid[]) returns uuid
language sql volatile
set enable_seqscan = off
begin atomic

    select
        pg_advisory_xact_lock(
            hashtextextended(
                'memdb consolidation', abs(hashtextextended(enqueue_consolidation.user_id::text, 0) % 1024)
            )
        );

    with own as materialized (
        select
            m.id,
            m.memory_type,
            m.created_at
        from memories as m
        where
            m.id = any(memory_ids)
            and m.user_id = enqueue_consolidation.user_id
            and (
                select true from memory_consolidation_sources as s
                where s.source_id = m.id
                limit 1 -- noqa: AM09
            ) is not true
        order by m.id
        for key share of m skip locked
    ),

    job as (
        insert into memory_consolidation_jobs (user_id, memory_type)
        select
            enqueue_consolidation.user_id,
            min(o.memory_type) as memory_type
        from own as o
        having count(*) > 0
        returning id
    ),

    sources as (
        insert into memory_consolidation_sources (job_id, user_id, place, source_id)
        select
            j.id as job_id,
            enqueue_consolidation.user_id,
            row_number() over (order by o.created_at, o.id) as place,
            o.id as source_id
        from job as j
        cross join own as o
        on conflict (source_id) do nothing
    )

    select j.id
    from job as j
    where pg_notify('memory_consolidation', '') is not null;

end;

comment on function enqueue_consolidation(user_id uuid, memory_ids uuid[]) is
'Has memories of a user summed up: returns the job, or NULL where none of them is the user''s and in no job yet.';

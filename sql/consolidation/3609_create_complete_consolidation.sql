-- Stores a summary, what it was made of, and that the job is done, in one call: all of it or nothing. A token that is
-- not the job's any more changes nothing: its lease has run out, and another worker has got the job.
--
-- The summary has the id of the job, so whoever has lost the answer looks for that. Sources are locked as a foreign key
-- does it, in the order of their ids, before any row refers to them: so it waits for who is deleting one, and knows
-- afterwards whether it is gone. Their rows of the job are locked in that order, too, before they go with it. The
-- sources stay as they are. The settings and the order by a row are as in 3608.
create function complete_consolidation(
    job_id uuid,
    token uuid,
    summary text,
    embedding vector,
    metadata jsonb default '{}'
) returns uuid
language sql volatile
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
begin atomic

    insert into memories (id, user_id, memory_type, content, embedding, metadata)
    select
        j.id,
        j.user_id,
        j.memory_type,
        complete_consolidation.summary as content,
        complete_consolidation.embedding,
        complete_consolidation.metadata
    from memory_consolidation_jobs as j
    where j.id = complete_consolidation.job_id and j.token = complete_consolidation.token
    for update of j;

    with was_read as materialized (
        select
            s.job_id,
            s.place,
            s.source_id,
            s.content_hash
        from memory_consolidation_jobs as j
        inner join memory_consolidation_sources as s on j.id = s.job_id
        where
            j.id = complete_consolidation.job_id
            and j.token = complete_consolidation.token
            and s.content_hash is not null
    ),

    is_there as materialized (
        select m.id
        from memories as m
        where m.id = any(array(select r.source_id from was_read as r))
        order by m.id
        for key share of m
    )

    insert into memory_sources (memory_id, place, source_id, content_hash)
    select
        r.job_id as memory_id,
        r.place,
        t.id as source_id,
        r.content_hash
    from was_read as r
    left join is_there as t on r.source_id = t.id;

    select s.place
    from memory_consolidation_jobs as j
    inner join memory_consolidation_sources as s on j.id = s.job_id
    where j.id = complete_consolidation.job_id and j.token = complete_consolidation.token
    order by (s.source_id, s.place)
    for update of s;

    with finished as (
        delete from memory_consolidation_jobs as j
        where j.id = complete_consolidation.job_id and j.token = complete_consolidation.token
        returning j.id
    )

    select f.id from finished as f;

end;

comment on function complete_consolidation(
    job_id uuid,
    token uuid,
    summary text,
    embedding vector,
    metadata jsonb
) is
'Stores the summary of a job and what it was made of, and finishes the job: returns the new memory, or NULL where the '
'token is not the job''s any more. An embedding of NULL is to be added later.';

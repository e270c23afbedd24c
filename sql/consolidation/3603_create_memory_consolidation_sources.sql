-- The memories of each job. A memory is in one job at a time: the unique constraint keeps two that enqueue from doing
-- it twice. One that is deleted leaves its row, so a worker that has read it before is known to have done so.
create table memory_consolidation_sources (
    job_id uuid not null,
    user_id uuid not null,
    place bigint not null,
    source_id uuid null,
    content_hash bytea null,
    constraint memory_consolidation_sources_pkey primary key (job_id, place),
    constraint memory_consolidation_sources_source_id_key unique (source_id),
    constraint memory_consolidation_sources_job_id_fkey foreign key (job_id, user_id)
    references memory_consolidation_jobs (id, user_id) on delete cascade,
    constraint memory_consolidation_sources_source_id_fkey foreign key (source_id) references memories (id)
    on delete set null
);

comment on table memory_consolidation_sources is 'The memories of each job of memory_consolidation_jobs.';
comment on column memory_consolidation_sources.job_id is 'The job; the row is deleted together with it.';
comment on column memory_consolidation_sources.user_id is 'Whose job it is.';
comment on column memory_consolidation_sources.place is 'Which of its memories it is, the oldest first, from 1.';
comment on column memory_consolidation_sources.source_id is 'The memory. NULL: it was deleted since.';
comment on column memory_consolidation_sources.content_hash is
'SHA-256 of its content, in UTF-8, as the worker that holds the lease was given it. NULL: it was given none.';
comment on constraint memory_consolidation_sources_pkey on memory_consolidation_sources is
'Each memory has a place. Also finds the memories of a job.';
comment on constraint memory_consolidation_sources_source_id_key on memory_consolidation_sources is
'A memory is in one job at a time.';
comment on constraint memory_consolidation_sources_job_id_fkey on memory_consolidation_sources is
'A job that is done takes its list of memories along.';
comment on constraint memory_consolidation_sources_source_id_fkey on memory_consolidation_sources is
'Deleting a memory takes it out of the job, which goes on without it.';

-- Memories that are to be summed up, a job for each summary: a queue from which workers take some at a time.
--
-- Who has a job holds a lease, and a token that nobody else has. When the lease runs out, the next worker gets the job
-- with another token, and what the first one still says of it is refused. A job that is done is deleted.
create table memory_consolidation_jobs (
    id uuid default gen_random_uuid(),
    user_id uuid not null,
    memory_type memory_type not null,
    created_at timestamptz not null default now(),
    available_at timestamptz not null default now(),
    attempts bigint not null default 0,
    most_attempts bigint not null default 5,
    token uuid null,
    worker text null,
    last_error text null,
    set_aside_at timestamptz null,
    constraint memory_consolidation_jobs_pkey primary key (id),
    constraint memory_consolidation_jobs_id_user_id_key unique (id, user_id),
    constraint memory_consolidation_jobs_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);
create index ix_memory_consolidation_jobs_user_id on memory_consolidation_jobs using btree (user_id);
create index ix_memory_consolidation_jobs_available_at on memory_consolidation_jobs using btree (
    available_at, id
) where set_aside_at is null;

comment on table memory_consolidation_jobs is
'Memories to be summed up, a job for each summary. Written by enqueue_, claim_, complete_ and fail_consolidation.';
comment on column memory_consolidation_jobs.id is
'Identifies the job, and later the summary, which is the memory of this id.';
comment on column memory_consolidation_jobs.user_id is
'Whose memories they are; the job is deleted together with the user.';
comment on column memory_consolidation_jobs.memory_type is 'The tier that the summary will have.';
comment on column memory_consolidation_jobs.created_at is 'When the job was made.';
comment on column memory_consolidation_jobs.available_at is
'From when on a worker may take the job: when its lease runs out, or when it is to be tried again.';
comment on column memory_consolidation_jobs.attempts is 'How often a worker has taken it.';
comment on column memory_consolidation_jobs.most_attempts is 'After so many, it is set aside.';
comment on column memory_consolidation_jobs.token is
'What the worker that holds the lease proves it with. NULL: nobody does.';
comment on column memory_consolidation_jobs.worker is 'How the worker that took it last calls itself.';
comment on column memory_consolidation_jobs.last_error is 'Why the last attempt failed, as the worker says it.';
comment on column memory_consolidation_jobs.set_aside_at is
'Since when no worker gets the job, because it has failed too often. NULL: one may get it.';
comment on constraint memory_consolidation_jobs_pkey on memory_consolidation_jobs is 'Each job has its own id.';
comment on constraint memory_consolidation_jobs_id_user_id_key on memory_consolidation_jobs is
'Lets rows refer to a job and to whose it is at once.';
comment on constraint memory_consolidation_jobs_user_id_fkey on memory_consolidation_jobs is
'Deleting a user deletes what was to be summed up of theirs.';
comment on index ix_memory_consolidation_jobs_user_id is
'Finds a user''s jobs; also keeps deleting a user from scanning the whole table.';
comment on index ix_memory_consolidation_jobs_available_at is
'Finds the jobs that a worker may take, the longest waiting first.';

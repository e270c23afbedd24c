-- Gives a job back that could not be done. It is tried again after a minute, then after two, four and so on, a day at
-- most, until it is set aside. There it stays, to be looked at: who wants it tried again sets attempts to 0 and
-- set_aside_at to NULL.
create function fail_consolidation(job_id uuid, token uuid, error text) returns boolean
language sql volatile
begin atomic

    with failed as (
        update memory_consolidation_jobs as j
        set
            token = null,
            last_error = left(fail_consolidation.error, 1000),
            available_at = now() + least(interval '1 minute' * power(2, least(j.attempts, 20) - 1), '1 day'),
            set_aside_at = case when j.attempts >= j.most_attempts then now() end
        where j.id = fail_consolidation.job_id and j.token = fail_consolidation.token
        returning 1
    )

    select exists(select from failed);

end;

comment on function fail_consolidation(job_id uuid, token uuid, error text) is
'Gives a job back, to be tried again later or set aside, and says whether the token was still the job''s.';

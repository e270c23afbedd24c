drop function fail_consolidation(job_id uuid, token uuid, error text);

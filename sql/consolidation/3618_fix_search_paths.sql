-- Fixes the search_path of the functions, as 3212 does it for those of importance. Their bodies were parsed when they
-- were made, so it changes nothing of what they do.
-- alongside: row_security
alter function consolidation_proposals() set search_path = '';
alter function enqueue_consolidation(user_id uuid, memory_ids uuid[]) set search_path = '';
alter function claim_consolidation(worker text, lease interval, batch integer) set search_path = '';
alter function complete_consolidation(job_id uuid, token uuid, summary text, embedding vector, metadata jsonb)
set search_path = '';
alter function fail_consolidation(job_id uuid, token uuid, error text) set search_path = '';
alter function stale_summaries() set search_path = '';

alter function stale_summaries() reset search_path;
alter function fail_consolidation(job_id uuid, token uuid, error text) reset search_path;
alter function complete_consolidation(job_id uuid, token uuid, summary text, embedding vector, metadata jsonb)
reset search_path;
alter function claim_consolidation(worker text, lease interval, batch integer) reset search_path;
alter function enqueue_consolidation(user_id uuid, memory_ids uuid[]) reset search_path;
alter function consolidation_proposals() reset search_path;

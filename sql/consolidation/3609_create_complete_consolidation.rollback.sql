drop function complete_consolidation(job_id uuid, token uuid, summary text, embedding vector, metadata jsonb);

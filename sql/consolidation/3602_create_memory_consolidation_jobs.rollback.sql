drop table memory_consolidation_jobs;

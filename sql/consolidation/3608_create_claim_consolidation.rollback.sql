drop function claim_consolidation(worker text, lease interval, batch integer);
drop function consolidation_lease(lease interval);

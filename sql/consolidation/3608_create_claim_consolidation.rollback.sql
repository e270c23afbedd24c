drop function claim_consolidation(worker text, lease interval, batch integer);

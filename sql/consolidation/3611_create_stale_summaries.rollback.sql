drop function stale_summaries();

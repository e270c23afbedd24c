drop function unmerge_noted(
    memories regclass, memory_id uuid, memory_ids uuid[], noted jsonb, noted_before jsonb, noted_after jsonb
);

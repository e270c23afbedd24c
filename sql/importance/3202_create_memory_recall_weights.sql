-- How much recency and importance count for each tier. Change the rows to change how memories are weighed:
-- docs/recall.md says what they do to real embeddings.
--
-- Personal memories have no half-life: who somebody is does not fade. A week suits what is pruned after 30 days.
create table memory_recall_weights (
    memory_type memory_type not null,
    recency_weight double precision not null,
    half_life interval null,
    importance_weight double precision not null,
    constraint memory_recall_weights_pkey primary key (memory_type),
    constraint memory_recall_weights_recency_weight_check check (recency_weight between 0 and 1),
    constraint memory_recall_weights_half_life_check check (extract(epoch from half_life) > 0),
    constraint memory_recall_weights_importance_weight_check check (importance_weight between 0 and 1)
);

comment on table memory_recall_weights is
'How much recency and importance count in recall_memories, by tier. A tier without a row is ranked by relevance alone.';
comment on column memory_recall_weights.memory_type is 'The tier.';
comment on column memory_recall_weights.recency_weight is
'How much recency counts: a memory of this moment gets half of it more, an old one half of it less. 0 is nothing.';
comment on column memory_recall_weights.half_life is
'The age at which recency is a half, since the last recall or since the memory was made. NULL: it does not fade, and '
'recency does not count.';
comment on column memory_recall_weights.importance_weight is
'How much importance counts: 1 gets half of it more, 0 half of it less. 0 is nothing.';
comment on constraint memory_recall_weights_pkey on memory_recall_weights is 'One row for a tier.';
comment on constraint memory_recall_weights_recency_weight_check on memory_recall_weights is
'Up to 1, so that no factor is less than a half.';
comment on constraint memory_recall_weights_half_life_check on memory_recall_weights is 'A time that passes.';
comment on constraint memory_recall_weights_importance_weight_check on memory_recall_weights is
'Up to 1, so that no factor is less than a half.';

insert into memory_recall_weights (memory_type, recency_weight, half_life, importance_weight)
values
('personal', 0, null, 0.1),
('project', 0.1, '30 days', 0.1),
('task', 0.1, '7 days', 0.1);

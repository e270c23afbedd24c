-- Whoever has rights on the table changes it again.
drop policy memory_recall_weights_select on memory_recall_weights;
alter table memory_recall_weights disable row level security;

-- Whoever has rights on the table changes it again.
drop policy memory_retention_rules_select on memory_retention_rules;
alter table memory_retention_rules disable row level security;

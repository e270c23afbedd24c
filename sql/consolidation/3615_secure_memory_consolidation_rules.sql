-- What is proposed is read by everybody, and changed by the owner of the table alone: it counts for all users.
-- alongside: row_security
alter table memory_consolidation_rules enable row level security;

create policy memory_consolidation_rules_select on memory_consolidation_rules for select using (true);

comment on policy memory_consolidation_rules_select on memory_consolidation_rules is 'They are no user''s.';

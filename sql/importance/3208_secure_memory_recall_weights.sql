-- How tiers are weighed is read by everybody, and changed by the owner of the table alone: it counts for all users.
-- alongside: row_security
alter table memory_recall_weights enable row level security;

create policy memory_recall_weights_select on memory_recall_weights for select using (true);

comment on policy memory_recall_weights_select on memory_recall_weights is 'They are no user''s.';

-- Whoever is held to policies can find out whether they themselves were forgotten, and writes nothing here: forgetting
-- is for roles that see all rows.
-- alongside: row_security
alter table memory_forgotten_users enable row level security;
alter table memory_forgotten_salt enable row level security;

create policy memory_forgotten_users_select on memory_forgotten_users for select
using (digest = (select memory_user_digest(memory_user())));
create policy memory_forgotten_salt_select on memory_forgotten_salt for select using (true);

comment on policy memory_forgotten_users_select on memory_forgotten_users is 'One sees whether one was forgotten.';
comment on policy memory_forgotten_salt_select on memory_forgotten_salt is 'It is no user''s.';

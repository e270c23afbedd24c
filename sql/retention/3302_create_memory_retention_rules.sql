-- How long the memories of each tier are kept. Change the rows to change the rules.
--
-- A time without a recall suits what serves the moment. Who somebody is stays true, however seldom it is asked for.
create table memory_retention_rules (
    memory_type memory_type not null,
    idle_for interval null,
    most_per_user bigint null,
    constraint memory_retention_rules_pkey primary key (memory_type),
    constraint memory_retention_rules_idle_for_check check (idle_for between '1 second' and '1000 years'),
    constraint memory_retention_rules_most_per_user_check check (most_per_user >= 1)
);

comment on table memory_retention_rules is
'How long the memories of each tier are kept. A tier without a row, or without a rule in it, is kept for ever.';
comment on column memory_retention_rules.memory_type is 'The tier.';
comment on column memory_retention_rules.idle_for is
'A memory is due when it was not recalled for so long. NULL: however long that is.';
comment on column memory_retention_rules.most_per_user is
'So many memories a user keeps, those that were recalled last; pinned ones do not count. NULL: any number.';
comment on constraint memory_retention_rules_pkey on memory_retention_rules is 'One row for a tier.';
comment on constraint memory_retention_rules_idle_for_check on memory_retention_rules is
'A time that passes, and that lies after the first that there is.';
comment on constraint memory_retention_rules_most_per_user_check on memory_retention_rules is
'A tier of which nothing is to be kept needs another rule.';

insert into memory_retention_rules (memory_type, idle_for, most_per_user)
values
('personal', null, null),
('project', null, null),
('task', '30 days', null);

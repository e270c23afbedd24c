-- What is proposed to be summed up. Change the rows to change the rules.
--
-- What serves the moment is worth little word by word after a week. Who somebody is, is not summed up unasked.
create table memory_consolidation_rules (
    memory_type memory_type not null,
    older_than interval not null,
    fewest bigint not null,
    most bigint not null,
    constraint memory_consolidation_rules_pkey primary key (memory_type),
    constraint memory_consolidation_rules_older_than_check check (older_than between '0' and '1000 years'),
    constraint memory_consolidation_rules_fewest_check check (fewest between 1 and most),
    constraint memory_consolidation_rules_most_check check (most <= 1000)
);

comment on table memory_consolidation_rules is
'What consolidation_proposals proposes of each tier. A tier without a row is never proposed.';
comment on column memory_consolidation_rules.memory_type is 'The tier.';
comment on column memory_consolidation_rules.older_than is 'Memories are proposed once they were made so long ago.';
comment on column memory_consolidation_rules.fewest is
'Fewer than so many are not worth a summary, and wait for others.';
comment on column memory_consolidation_rules.most is 'So many memories go into one summary.';
comment on constraint memory_consolidation_rules_pkey on memory_consolidation_rules is 'One row for a tier.';
comment on constraint memory_consolidation_rules_older_than_check on memory_consolidation_rules is
'A time that lies after the first that there is.';
comment on constraint memory_consolidation_rules_fewest_check on memory_consolidation_rules is
'A summary is made of one memory at least, and of no more than fit.';
comment on constraint memory_consolidation_rules_most_check on memory_consolidation_rules is
'What a model can read at once.';

insert into memory_consolidation_rules (memory_type, older_than, fewest, most)
values
('task', '7 days', 5, 20);

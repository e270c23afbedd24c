-- What is pruned goes to the archive where the rule of its tier says so.
-- alongside: archive
alter table memory_retention_rules add column archive boolean not null default false;

comment on column memory_retention_rules.archive is
'Whether memories of the tier that are pruned go to memory_archive, without their embeddings; else they are deleted.';

-- What later migrations of this set put something else in place of, as the statements that make it again.
--
-- Functions have other texts and settings with other sets, and keys other names in other folders. So what is there is
-- kept, and the rollbacks put back that, instead of what this set believes to have been there.
create table memory_former_definitions (
    migration text not null,
    place bigint not null,
    definition text not null,
    constraint memory_former_definitions_pkey primary key (migration, place)
);
alter table memory_former_definitions enable row level security;

comment on table memory_former_definitions is
'Statements that make again what the set citus has replaced, for its rollbacks. Only the owner reads and writes it.';
comment on column memory_former_definitions.migration is 'Whose rollback runs the statement.';
comment on column memory_former_definitions.place is 'The order in which a rollback runs its statements.';
comment on column memory_former_definitions.definition is 'The statement, with the schema of what it makes.';
comment on constraint memory_former_definitions_pkey on memory_former_definitions is
'A rollback runs one statement after the other.';

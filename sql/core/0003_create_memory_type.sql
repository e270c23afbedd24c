-- The three tiers of memory. They differ in how long a memory lives, so every memory has exactly one.
create type memory_type as enum ('personal', 'project', 'task');

comment on type memory_type is
'Tier of a memory. personal: identity, preferences and emotional patterns, never pruned. '
'project: goals, plans and progress, kept while the project lasts. '
'task: recent conversations and tasks, pruned after 30 days.';

drop table memory_retention_rules;

alter table memory_retention_rules drop column archive;

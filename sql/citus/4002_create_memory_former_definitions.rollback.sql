drop table memory_former_definitions;

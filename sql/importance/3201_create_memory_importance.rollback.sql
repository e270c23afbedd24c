drop table memory_importance;

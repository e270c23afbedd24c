drop type memory_type;

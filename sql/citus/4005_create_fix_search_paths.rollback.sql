drop function memory_fix_search_paths(variadic functions regprocedure[]);

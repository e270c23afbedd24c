drop function memory_keep_functions(migration text, variadic functions regprocedure[]);

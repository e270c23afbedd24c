drop function memory_put_back(migration text);

drop function memory_user();

drop function memory_signature(vector);

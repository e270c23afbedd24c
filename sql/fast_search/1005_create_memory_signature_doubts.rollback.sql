drop function memory_signature_doubts(vector);

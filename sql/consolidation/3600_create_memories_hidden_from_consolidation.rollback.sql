drop function memories_hidden_from_consolidation();

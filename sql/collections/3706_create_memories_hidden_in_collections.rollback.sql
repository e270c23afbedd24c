drop function memories_hidden_in_collections();

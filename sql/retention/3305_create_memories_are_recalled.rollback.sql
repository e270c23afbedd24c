drop function memories_are_recalled();

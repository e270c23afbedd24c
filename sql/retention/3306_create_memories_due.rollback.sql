drop function memories_due();

-- Rights that were given stay until the table goes: nothing here knows who else has given them.
drop trigger memory_retention_follows_memory on memories;
drop function retention_follows_memory();

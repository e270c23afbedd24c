-- Rights that were given stay until the table goes: nothing here knows who else has given them.
do $$
begin
end
$$;

-- Rights that were taken stay taken: nothing here knows who should have them.
do $$
begin
end
$$;

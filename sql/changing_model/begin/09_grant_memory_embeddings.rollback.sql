-- The rights go with the table and the view: the rollbacks that follow drop them.
do $$
begin
end
$$;

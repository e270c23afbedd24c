-- As 3305 has it, and its path as 3316 has fixed it. Rights that were given stay until the table goes: nothing here
-- knows who else has given them.
create or replace function memories_are_recalled() returns boolean
language sql stable parallel safe
begin atomic

    select
        exists (select from memory_recalls())
        or exists (
            select from memories as m
            where m.accessed_at > m.created_at
            order by m.accessed_at desc
            offset 0 -- noqa: AM09
        );

end;

do $$
begin
    if (select c.relrowsecurity from pg_class as c where c.oid = 'memory_retention'::regclass) then
        alter function memories_are_recalled() set search_path = '';
    end if;
end
$$;

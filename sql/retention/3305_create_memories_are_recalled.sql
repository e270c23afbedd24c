-- Whether recalls are noted at all. Where nothing has ever said that a memory was recalled, all look idle, and a rule
-- for idle memories would delete by age what is in use every day.
--
-- Where they are noted, one is among the newest; OFFSET keeps that order.
create function memories_are_recalled() returns boolean
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

comment on function memories_are_recalled() is
'Whether it was ever noted that a memory was recalled. As long as it was not, no memory counts as idle.';

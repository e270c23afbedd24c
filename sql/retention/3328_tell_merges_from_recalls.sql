-- What others were merged into has the oldest created_at and the newest accessed_at of all, so it looks recalled though
-- none of them ever was. It says that recalls are noted once it was recalled after the merge.
--
-- Roles that may delete memories, as pruning does, get the right to read what it asks. The path is fixed as 3316 does
-- it, where that was before: to replace a function takes its settings away.
-- alongside: deduplication archive
create or replace function memories_are_recalled() returns boolean
language sql stable parallel safe
begin atomic

    select
        exists (select from memory_recalls())
        or exists (
            select from memories as m
            where
                m.accessed_at > m.created_at
                and (
                    select m.accessed_at <= g.merged_at
                    from memory_merges as g
                    where g.memory_id = m.id
                    limit 1 -- noqa: AM09
                ) is not true
            order by m.accessed_at desc
            offset 0 -- noqa: AM09
        );

end;

do $$
declare
    pruner record;
begin
    if (select c.relrowsecurity from pg_class as c where c.oid = 'memory_retention'::regclass) then
        alter function memories_are_recalled() set search_path = '';
    end if;
    for pruner in
        select distinct coalesce(quote_ident(r.rolname), 'public') as name
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where c.oid = 'memories'::regclass and a.privilege_type = 'DELETE' and a.grantee <> c.relowner
    loop
        execute format('grant select (memory_id, merged_at) on memory_merges to %s', pruner.name);
    end loop;
end
$$;

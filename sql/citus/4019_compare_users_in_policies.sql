-- Writes policies without subqueries, which Citus does not take on tables that are spread.
--
-- "(select memory_user())" was there to be asked once a query. Where a query says of which user it reads, PostgreSQL
-- compares that one with memory_user() once, too, before it reads any row. What is noted beside a memory was seen with
-- the memory; here it is under the policy of memories itself, since it has the same user. 4001 has seen to it that
-- there is one such policy, and that it asks for nothing but the user.
-- alongside: row_security
do $$
declare
    asked_once constant text := '\( SELECT (\(?[^ ()]*memory_user\(\)\)?(?:::text)?) AS memory_user\)';
    with_memory constant text := '\(EXISTS \( SELECT\s+FROM \S*memories m\s+WHERE .*\)\)$';
    of_memories constant text := (
        select regexp_replace(pg_get_expr(p.polqual, p.polrelid), asked_once, '\1', 'g') from pg_policy as p
        where p.polrelid = 'memories'::regclass and p.polcmd in ('r', '*')
        limit 1
    );
    part record;
begin
    for part in
        select
            p.place,
            format('alter policy %I on %s', p.polname, p.polrelid::regclass) as policy,
            ' using (' || p.seen || ')' as seen,
            ' with check (' || p.written || ')' as written
        from (
            select
                o.*,
                pg_get_expr(o.polqual, o.polrelid) as seen,
                pg_get_expr(o.polwithcheck, o.polrelid) as written,
                row_number() over (order by o.polrelid, o.polname) as place
            from pg_policy as o
            inner join pg_class as c on o.polrelid = c.oid
            where
                coalesce(o.polqual::text, '') || coalesce(o.polwithcheck::text, '') like '%SUBLINK%'
                and (
                    o.polrelid = (
                        select k.confrelid from pg_constraint as k
                        where k.conrelid = 'memories'::regclass and k.conname = 'memories_user_id_fkey'
                    )
                    or c.relnamespace = current_schema()::regnamespace
                    and c.relname in (
                        'memories', 'memory_collections', 'memory_collection_members', 'memory_importance',
                        'memory_retention', 'memory_embedding_sources'
                    )
                )
        ) as p
    loop
        insert into memory_former_definitions (migration, place, definition)
        values ('4019_compare_users_in_policies', part.place, concat(part.policy, part.seen, part.written));
        execute concat(
            part.policy,
            regexp_replace(regexp_replace(part.seen, asked_once, '\1', 'g'), with_memory, of_memories || ')'),
            regexp_replace(regexp_replace(part.written, asked_once, '\1', 'g'), with_memory, of_memories || ')')
        );
    end loop;
end
$$;

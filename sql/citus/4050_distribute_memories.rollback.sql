-- Brings all rows back to this server, and makes the tables what they were. Comments are put back, and what depends on
-- the tables: Citus makes them anew, and forgets both.
--
-- An id that two users' memories have would keep the former key from being made, so that is looked for first.
do $$
declare
    users constant regclass := (
        select k.confrelid from pg_constraint as k
        where k.conrelid = 'memories'::regclass and k.conname = 'memories_user_id_fkey'
    );
    patience constant text := current_setting('lock_timeout');
    name regclass;
    comments constant text[] := array(select c.statement from memory_comments(users) as c);
    dependents constant jsonb := (
        select jsonb_object_agg(d.moment, d.statements)
        from (
            select
                c.moment,
                jsonb_agg(c.statement order by c.ordinality) as statements
            from memory_dependents(users) with ordinality as c
            group by c.moment
        ) as d
    );
    former text;
    twice text;
    refused constant text := (
        select string_agg(d.description, E'\n- ')
        from jsonb_array_elements_text(dependents -> 'refused') as d (description)
    );
begin
    if row_security_active('memories') or row_security_active(users) then
        raise exception 'policies show % only some of the rows that would move', current_user
            using errcode = 'insufficient_privilege',
                hint = 'Nothing was changed. Do this as a role that policies do not hold: one with bypassrls.';
    end if;
    perform set_config('citus.multi_shard_modify_mode', 'sequential', true);
    -- Whoever holds one of these locks may wait for another. So nothing is waited for while one is held.
    for attempt in 1 .. 200 loop
        begin
            perform set_config('lock_timeout', '1s', true);
            lock table memories in exclusive mode;
            foreach name in array users || array['memory_collections'::regclass] loop
                execute format('lock table %s in exclusive mode nowait', name);
            end loop;
            exit;
        exception when lock_not_available then
            if attempt = 200 then
                raise;
            end if;
            perform pg_sleep(0.05);
        end;
    end loop;
    perform set_config('lock_timeout', patience, true);
    select string_agg(d.id::text, ', ' order by d.id) into twice
    from (
        select m.id from memories as m
        group by m.id having count(*) > 1
        limit 10
    ) as d;
    if twice is not null then
        raise exception 'several users have memories with one id: %', twice
            using errcode = 'unique_violation',
                hint = 'On one server, an id is unique. Give all but one of them new ids, then roll back again.';
    end if;

    if refused is not null then
        raise exception E'some of what depends on tables would be gone once they are brought back:\n- %', refused
            using errcode = 'dependent_objects_still_exist',
                hint = 'Nothing was changed. Write them so that they depend on no table that refers to users, then '
                    'roll back again.';
    end if;

    for former in select jsonb_array_elements_text(dependents -> 'before') loop
        execute former;
    end loop;
    perform undistribute_table(users, cascade_via_foreign_keys => true);
    for name in
        select to_regclass(format('%I.%I', current_schema(), n.name))
        from unnest(array['memory_retention_rules', 'memory_recall_weights']) as n (name)
        where to_regclass(format('%I.%I', current_schema(), n.name)) is not null
    loop
        perform undistribute_table(name);
    end loop;

    foreach former in array comments loop
        execute former;
    end loop;
    for former in
        select d.statement
        from unnest(array['in shards', 'after']) as m (moment)
        cross join jsonb_array_elements_text(dependents -> m.moment) as d (statement)
    loop
        execute former;
    end loop;
end
$$;

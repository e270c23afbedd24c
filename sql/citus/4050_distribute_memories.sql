-- Spreads memories over the nodes by user: all that is one user's is in one shard, and so is the user.
--
-- While rows move, memories are read, and writes wait. Foreign keys between the tables are made again afterwards: Citus
-- moves no table to which one refers that has not moved yet. Users who have another key than their id (an email
-- address), or to whom other tables refer, are copied to all nodes instead (a reference table), since keys that do not
-- have the user's id cannot hold over many shards. Tables go by their names: Citus makes some of them anew on the way,
-- so what depends on them is made again.
-- requires: citus
do $$
declare
    users constant regclass := (
        select k.confrelid from pg_constraint as k
        where k.conrelid = 'memories'::regclass and k.conname = 'memories_user_id_fkey'
    );
    user_key constant name := (
        select a.attname
        from pg_constraint as k
        inner join pg_attribute as a on k.confrelid = a.attrelid and a.attnum = k.confkey[1]
        where k.conrelid = 'memories'::regclass and k.conname = 'memories_user_id_fkey'
    );
    of_users constant text[] := array(
        select t.oid::regclass::text
        from unnest(
            array[
                'memories', 'memory_collections', 'memory_collection_members', 'memory_importance',
                'memory_retention', 'memory_archive', 'memory_merges', 'memory_embedding_sources'
            ]
        ) with ordinality as n (name, place)
        inner join pg_class as t on to_regclass(format('%I.%I', current_schema(), n.name)) = t.oid
        order by n.place
    );
    of_all constant text[] := array(
        select t.oid::regclass::text
        from unnest(array['memory_retention_rules', 'memory_recall_weights']) as n (name)
        inner join pg_class as t on to_regclass(format('%I.%I', current_schema(), n.name)) = t.oid
    );
    is_copied constant boolean := exists (
        select from pg_index as i
        where i.indrelid = users and i.indisunique and not i.indisprimary
    ) or exists (
        select from pg_constraint as k
        where
            k.contype = 'f'
            and (k.conrelid = users or k.confrelid = users and k.conrelid <> all(of_users::regclass[]))
    );
    patience constant text := current_setting('lock_timeout');
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
    refused constant text := (
        select string_agg(d.description, E'\n- ')
        from jsonb_array_elements_text(dependents -> 'refused') as d (description)
    );
    part record;
    name text;
begin
    if refused is not null then
        raise exception E'some of what depends on tables would be gone once memories are distributed:\n- %', refused
            using errcode = 'dependent_objects_still_exist',
                hint = 'No row was moved. Write them so that they depend on no table that refers to users, or leave '
                    'the set out: memdb rollback.';
    end if;
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
            foreach name in array users::text || of_users || of_all loop
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

    create temporary table memdb_keys on commit drop as
    select
        k.conname,
        k.conrelid::regclass::text as of,
        pg_get_constraintdef(k.oid) as definition
    from pg_constraint as k
    where k.contype = 'f' and k.conrelid = any(of_users::regclass[]) and k.confrelid = any(of_users::regclass[]);
    for part in select k.* from memdb_keys as k loop
        execute format('alter table %s drop constraint %I', part.of, part.conname);
    end loop;

    for name in select jsonb_array_elements_text(dependents -> 'before') loop
        execute name;
    end loop;

    if is_copied then
        perform create_reference_table(users);
    else
        perform create_distributed_table(users, user_key, colocate_with => 'none');
    end if;
    foreach name in array of_users loop
        perform create_distributed_table(
            name, 'user_id',
            colocate_with => case
                when name <> of_users[1] then of_users[1]
                when is_copied then 'none'
                else users::text
            end
        );
    end loop;
    foreach name in array of_all loop
        perform create_reference_table(name);
    end loop;

    for part in select k.* from memdb_keys as k loop
        execute format('alter table %s add constraint %I %s', part.of, part.conname, part.definition);
    end loop;
    foreach name in array comments loop
        execute name;
    end loop;
    for name in select jsonb_array_elements_text(dependents -> 'in shards') loop
        execute name;
    end loop;
    perform set_config('citus.enable_ddl_propagation', 'off', true);
    for name in select jsonb_array_elements_text(dependents -> 'after') loop
        execute name;
    end loop;
end
$$;

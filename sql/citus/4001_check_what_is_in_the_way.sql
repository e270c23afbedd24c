-- Says all that would keep memories from being distributed, or from being brought back, before anything is changed.
-- after: archive collections consolidation deduplication drop_hnsw embeddings erasure fast_search
-- after: force_row_security hybrid_search importance retention row_security
-- requires: citus
do $$
declare
    users constant regclass := (
        select k.confrelid from pg_constraint as k
        where k.conrelid = 'memories'::regclass and k.conname = 'memories_user_id_fkey'
    );
    of_users constant regclass[] := array(
        select t.oid::regclass
        from unnest(
            array[
                'memories', 'memory_collections', 'memory_collection_members', 'memory_importance',
                'memory_retention', 'memory_archive', 'memory_merges', 'memory_embedding_sources'
            ]
        ) as n (name)
        inner join pg_class as t on to_regclass(format('%I.%I', current_schema(), n.name)) = t.oid
    );
    asked_once constant text := '\( SELECT \(?[^ ()]*memory_user\(\)\)?(?:::text)? AS memory_user\)';
    of_user constant text := '^\(\(?user_id\)?(?:::text)? = ' || asked_once || '\)$';
    with_memory constant text := '^\(EXISTS \( SELECT\s+FROM \S*memories m\s+WHERE \(+m\.id = [\w."]+\.memory_id\)'
        '(?: AND \(m\.user_id = [\w."]+\.user_id\)\))?\)\)$';
    version constant text := (
        select x.extversion from pg_extension as x
        where x.extname = 'citus'
    );
    others text;
    reasons text;
    found text[];
    free bigint;
begin
    if version is null then
        raise exception 'this database has no extension "citus"'
            using errcode = 'feature_not_supported',
                hint = 'The set citus is for a database that is distributed by Citus: create the extension in it and '
                    'on its workers, and add them (https://docs.citusdata.com). Or leave the set out.';
    elsif string_to_array(substring(version from '^[0-9]+'), '.')::int[] < array[12] then
        raise exception 'Citus % is too old: the set citus needs 12 or newer', version
            using errcode = 'feature_not_supported', hint = 'Update Citus on all nodes, then migrate again.';
    elsif (select l.groupid from pg_dist_local_group as l) <> 0 then
        raise exception 'this is a worker of a distributed database'
            using errcode = 'feature_not_supported', hint = 'Give the URL of its coordinator.';
    elsif not exists (select from pg_dist_node as n where n.noderole = 'primary' and n.shouldhaveshards) then
        raise exception 'the distributed database has no node to put shards on'
            using errcode = 'object_not_in_prerequisite_state',
                hint = 'Add a worker: select citus_add_node(''HOST'', 5432).';
    end if;

    select string_agg(s.name, ', '), string_agg(format('%s: %s', s.name, s.reason), '; ') into others, reasons
    from (
        values
        ('archive', 'supersede_memory', 'it keeps rows of whatever table refers to memories, which nothing does over many shards'),
        ('consolidation', 'claim_consolidation', 'its keys lead to memories without their users')
    ) as s (name, makes, reason)
    where
        exists (
            select from pg_proc as p
            where p.pronamespace = current_schema()::regnamespace and p.proname = s.makes
        );
    if others is not null then
        raise exception 'the set citus does not carry these sets, which are applied: %', others
            using errcode = 'object_not_in_prerequisite_state',
                hint = reasons || '. Do without the set citus, or roll them back: memdb rollback. docs/citus.md says what '
                    'each would need.';
    end if;

    select array_agg(w.says order by w.says) into found
    from (
        select
            format('the worker %s:%s cannot be reached: %s', r.nodename, r.nodeport, r.result) as says
        from run_command_on_workers('select 1') as r
        where not r.success
        union all
        select
            format('the worker %s:%s does not offer the extension "vector": install pgvector there', r.nodename, r.nodeport)
        from run_command_on_workers('select count(*) from pg_available_extensions where name = ''vector''') as r
        where r.success and r.result = '0'
        union all
        select format('the index %s is an HNSW index: apply the set drop_hnsw first', i.indexrelid::regclass)
        from pg_index as i
        inner join pg_class as c on i.indexrelid = c.oid
        inner join pg_am as a on c.relam = a.oid
        where i.indrelid = 'memories'::regclass and a.amname = 'hnsw'
        union all
        select
            format(
                'the function %s reads %s in a body of SQL, which Citus cannot take along',
                p.oid::regprocedure, d.refobjid::regclass
            )
        from pg_proc as p
        inner join pg_depend as d on p.oid = d.objid and d.classid = 'pg_proc'::regclass
        where
            d.refclassid = 'pg_class'::regclass and d.refobjid = any((of_users || users)::oid[])
            and p.prosqlbody is not null and p.proname not like 'search\_memories%' and p.proname <> all(array[
                    'memories_having_words', 'note_memory_recalls', 'set_memory_importance', 'add_to_collection',
                    'remove_from_collection', 'memories_in_collection', 'memories_hidden_in_collections',
                    'memory_recalls', 'memories_are_recalled', 'memories_due', 'memories_still_due',
                    'discard_memories', 'prune_memories', 'memories_to_keep', 'pin_memories', 'expire_memories',
                    'memories_expired', 'forget_user', 'note_embedding_model', 'memory_embedding_states',
                    'memory_with_content', 'add_memory_once', 'exact_duplicates', 'near_duplicate_distance',
                    'near_duplicates'
                ])
            and p.proname not like 'recall\_%'
        union all
        select format('the table %s has the trigger %s', t.tgrelid::regclass, t.tgname)
        from pg_trigger as t
        where
            t.tgrelid = any(of_users || users) and not t.tgisinternal
            and t.tgname <> 'memory_retention_follows_memory'
        union all
        select
            format(
                'the key %s of %s does not have the user: it cannot hold over many shards',
                i.indexrelid::regclass, i.indrelid::regclass
            )
        from pg_index as i
        where
            i.indrelid = any(of_users) and i.indisunique and not i.indisprimary
            and not exists (
                select from pg_attribute as a
                where a.attrelid = i.indrelid and a.attname = 'user_id' and a.attnum = any(i.indkey)
            )
        union all
        select
            format(
                'the table %s refers to %s: drop its foreign key %s, or keep the table elsewhere',
                k.conrelid::regclass, k.confrelid::regclass, k.conname
            )
        from pg_constraint as k
        where k.contype = 'f' and k.confrelid = any(of_users) and k.conrelid <> all(of_users)
        union all
        select format('the table %s has the identity column %s: it could not be brought back', a.attrelid::regclass, a.attname)
        from pg_constraint as k
        inner join pg_attribute as a on a.attrelid in (k.conrelid, users) and a.attidentity <> ''
        where k.contype = 'f' and k.confrelid = users
        union all
        -- 4019 writes those of memdb anew; what is seen with a memory can follow one plain policy of memories.
        select format('the policy %s on %s has a subquery', p.polname, p.polrelid::regclass)
        from pg_policy as p
        cross join lateral (values (p.polqual), (p.polwithcheck)) as e (condition)
        cross join regexp_replace(pg_get_expr(e.condition, p.polrelid), asked_once, '', 'g') as c (condition)
        where
            p.polrelid = any(of_users || users) and e.condition::text like '%SUBLINK%' and c.condition like '%SELECT%'
            and not (
                p.polrelid <> all(array[users, 'memories'::regclass]) and c.condition ~ with_memory
                and (
                    select count(*) = 1 and bool_and(pg_get_expr(m.polqual, m.polrelid) ~ of_user)
                    from pg_policy as m
                    where m.polrelid = 'memories'::regclass and m.polcmd in ('r', '*')
                )
            )
        union
        select format('policies show %s only some rows of the table %s: migrate as a role with bypassrls', current_user, t.name)
        from unnest(of_users || users) as t (name)
        where row_security_active(t.name)
        union all
        select format('the table %s is partitioned, inherits, or has generated keys', c.oid::regclass)
        from pg_class as c
        where c.oid = any(of_users || users) and (c.relkind <> 'r' or c.relispartition)
    ) as w;
    if found is not null then
        raise exception E'memories cannot be distributed as they are:\n- %', array_to_string(found, E'\n- ')
            using errcode = 'object_not_in_prerequisite_state',
                hint = 'Nothing was changed. docs/citus.md says what to do about each, and what is not carried.';
    end if;

    select s.available_disk_size into free from citus_local_disk_space_stats() as s;
    if free < pg_total_relation_size('memories') then
        raise exception 'rows are on disk twice while they move: % more are needed than the % that are free',
            pg_size_pretty(pg_total_relation_size('memories') - free), pg_size_pretty(free)
            using errcode = 'disk_full', hint = 'Free some, then migrate again.';
    end if;
end
$$;

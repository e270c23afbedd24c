-- Frees the disk that rows take which have moved to shards: nobody sees them here any more.
-- requires: citus
do $$
declare
    users constant regclass := (
        select k.confrelid from pg_constraint as k
        where k.conrelid = 'memories'::regclass and k.conname = 'memories_user_id_fkey'
    );
    patience constant text := current_setting('lock_timeout');
    name text;
begin
    -- Whoever holds one of these locks may wait for another. So nothing is waited for while one is held.
    for attempt in 1 .. 200 loop
        begin
            perform set_config('lock_timeout', '1s', true);
            lock table memories in access exclusive mode;
            for name in
                select users::text
                union all
                select p.logicalrelid::text from pg_dist_partition as p
                where p.colocationid = (
                    select m.colocationid from pg_dist_partition as m
                    where m.logicalrelid = 'memories'::regclass
                )
            loop
                execute format('lock table %s in access exclusive mode nowait', name);
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

    perform truncate_local_data_after_distributing_table(users);
end
$$;

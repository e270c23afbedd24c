-- Has shards know for whom a transaction asks, under the policies of set row_security.
--
-- They compare rows with memory_user(), on the server that has the rows. What is set on the coordinator stays there,
-- unless it is written as SET LOCAL while citus.propagate_set_commands is on. A function can write that with a value
-- that is a parameter; and a gateway, which knows set_config only, can call it at the beginning of a transaction.
-- Without it a shard takes the one who asks for nobody, and shows nothing. What is set ends with the transaction.
-- alongside: row_security
create function hand_on_memory_user(user_id text default current_setting('memdb.user_id', true)) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    handing_on constant text := coalesce(current_setting('citus.propagate_set_commands', true), 'none');
begin
    set local citus.propagate_set_commands = 'local';
    execute format('set local memdb.user_id = %L', coalesce(hand_on_memory_user.user_id, ''));
    execute format('set local request.jwt.claims = %L', coalesce(current_setting('request.jwt.claims', true), ''));
    execute format('set local citus.propagate_set_commands = %L', handing_on);
end;
$$;

comment on function hand_on_memory_user(user_id text) is
'Has all servers know for whom this transaction asks: the claims of its token, and memdb.user_id, which it sets.';

-- Has those who add memories of a user take turns, until their transactions end: who comes second sees what was added.
--
-- A lock for each user, not for each text: however many memories a transaction adds, it holds few locks, and of two
-- that add the same texts in another order, neither waits for the other for ever. There are 1,024, which fit the
-- server's table of locks; two users may share one, and wait for one another.
--
-- A repeatable read sees only what was there when it began, so it would miss what others have added meanwhile. A
-- serializable one sees no more, but of two that add the same text, PostgreSQL fails one (40001), to be tried again.
create function take_turns_adding(user_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') = 'repeatable read' then
        raise exception 'a repeatable read does not see what others have added since it began'
            using errcode = 'invalid_transaction_state', hint = 'Use read committed or serializable for this transaction.';
    end if;
    perform pg_advisory_xact_lock(
        hashtextextended('memdb add once', abs(hashtextextended(take_turns_adding.user_id::text, 0) % 1024))
    );
end;
$$;

comment on function take_turns_adding(user_id uuid) is
'Part of add_memory_once: waits until no other transaction is adding memories of this user in this way.';

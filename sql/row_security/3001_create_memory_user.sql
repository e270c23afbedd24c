-- Tells for whom a query is made. Policies compare it with whose a row is, so nobody sees anything unless it is said.
--
-- A gateway such as PostgREST or Supabase puts the claims of a verified token into request.jwt.claims, where auth.uid()
-- reads them, too. Where there are claims, they alone count: without a "sub" among them, nobody asks. Elsewhere the
-- application says it, once a transaction: select set_config('memdb.user_id', '…', true).
--
-- What is unset, empty or no id is nobody: NULL, which is equal to no row's user. It is no error, so an answer does not
-- tell one from the other. Claims that are no JSON are an error, whatever the tables hold; only a gateway writes them.
-- In PL/pgSQL a call takes some microseconds on all versions; SQL would be planned anew by each call before 18.
create function memory_user() returns uuid
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    claims constant text := current_setting('request.jwt.claims', true);
    said constant text := case
        when claims <> '' then claims::jsonb ->> 'sub'
        else current_setting('memdb.user_id', true)
    end;
begin
    if said like '________-____-____-____-____________'
        and translate(said, '0123456789abcdefABCDEF', '') = '----' then
        return said;
    end if;
    return null;
end;
$$;

comment on function memory_user() is
'The user for whom a query is made: "sub" of the claims of a token, else the setting memdb.user_id. NULL is nobody.';

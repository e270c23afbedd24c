-- As whom migrations are tried on a server of memdb's own.

-- name: role
-- It owns the temporary database, and may make roles and databases. It is no superuser: what it runs was written by
-- somebody else, and a superuser's SQL runs programs, reads files and connects to other machines.
create role {role} login createdb createrole bypassrls;
-- What it makes it may become, as a superuser may.
alter role {role} set createrole_self_grant = 'set, inherit';

-- name: extensions
-- For each temporary database. pgvector is not marked as trusted, so only a superuser can create it. While
-- that one statement runs, the role is one, as for a trusted extension; its script calls nothing that others have made.
-- An error takes that back with the statement.
create schema memdb_own;

create function memdb_own.before_extension() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    alter role {role} superuser;
end
$$;

create function memdb_own.after_extension() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    created text := (
        select e.extname
        from pg_event_trigger_ddl_commands() as c
        inner join pg_extension as e on c.objid = e.oid and c.classid = 'pg_extension'::regclass
        where e.extname <> 'vector'
        limit 1
    );
begin
    if created is not null then
        raise insufficient_privilege using
            message = format('permission denied to create extension "%s"', created),
            hint = 'Must be superuser to create this extension.';
    end if;
    alter role {role} nosuperuser;
end
$$;

create event trigger memdb_before_extension on ddl_command_start -- noqa: PRS
when tag in ('CREATE EXTENSION') execute function memdb_own.before_extension();
create event trigger memdb_after_extension on ddl_command_end -- noqa: PRS
when tag in ('CREATE EXTENSION') execute function memdb_own.after_extension();
alter event trigger memdb_before_extension enable always;
alter event trigger memdb_after_extension enable always;

-- name: has_rights_of_server
-- Whether the role that has logged in, or that it passes itself off as (`options=-crole=…`, which what is run takes
-- back), may do or give itself what only the server's own user could.
select exists (
    select
    from pg_catalog.pg_roles as login
    cross join pg_catalog.pg_roles as r
    where
        login.rolname in (%(login)s, session_user, current_user)
        and pg_catalog.pg_has_role(login.oid, r.oid, 'member')
        and (
            r.rolsuper
            or r.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
            -- which gives itself any role, up to PostgreSQL 15
            or (r.rolcreaterole and pg_catalog.current_setting('server_version_num')::int < 160000)
        )
);

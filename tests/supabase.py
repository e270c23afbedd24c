"""A server that is set up as those of Supabase are: for tests of what holds there, and nowhere else.

Roles belong to a whole server, and the one named postgres is no superuser there, so it is a server of its own. Who is
one is supabase_admin, as there.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memdb import database, embedded

ADMIN = "supabase_admin"
CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 64MB
statement_timeout = 120s
"""
# Whoever runs a statement of this session cannot rename themselves, so it is a second superuser who does it.
SUPERUSER = f"create role {ADMIN} superuser login createdb createrole replication bypassrls"
ROLES = """
alter role postgres rename to bootstrap;
create role postgres login createdb createrole replication bypassrls;
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
create role supabase_auth_admin login noinherit createrole;
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
"""
# What is in a project's database from the start. The owner of the schema public is the one of the database.
PROJECT = """
create schema extensions;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to postgres with grant option;
create extension vector with schema extensions;
grant usage, create on schema public to postgres;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on sequences to postgres, anon, authenticated, service_role;

create schema auth authorization supabase_auth_admin;
set role supabase_auth_admin;
create table auth.users (
    instance_id uuid,
    id uuid primary key,
    aud varchar(255),
    role varchar(255),
    email varchar(255),
    encrypted_password varchar(255),
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    is_super_admin boolean,
    created_at timestamptz,
    updated_at timestamptz,
    phone text default null unique,
    confirmed_at timestamptz generated always as (created_at) stored,
    is_anonymous boolean not null default false
);
create unique index users_email_partial_key on auth.users (email) where not is_anonymous;
alter table auth.users enable row level security;
create function auth.jwt() returns jsonb language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
$$;
create function auth.uid() returns uuid language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
$$;
create function auth.role() returns text language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
$$;
reset role;
grant usage on schema auth to postgres, anon, authenticated, service_role;
grant all on all tables in schema auth to postgres;
grant all on all routines in schema auth to postgres;

create schema storage;
create table storage.buckets (id text primary key, name text not null, public boolean default false);
create table storage.objects (id uuid primary key, bucket_id text references storage.buckets);
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
create schema pgmq;

-- The API reads the schema again whenever it changes.
create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$
declare
    command record;
begin
    for command in select * from pg_event_trigger_ddl_commands() loop
        if command.command_tag in ('CREATE TABLE', 'ALTER TABLE', 'CREATE FUNCTION', 'COMMENT')
            and command.schema_name is distinct from 'pg_temp' then
            notify pgrst, 'reload schema';
        end if;
    end loop;
end;
$$;
create function extensions.pgrst_drop_watch() returns event_trigger language plpgsql as $$
declare
    dropped record;
begin
    for dropped in select * from pg_event_trigger_dropped_objects() loop
        if dropped.object_type in ('schema', 'table', 'function', 'type') and not dropped.is_temporary then
            notify pgrst, 'reload schema';
        end if;
    end loop;
end;
$$;
create event trigger pgrst_ddl_watch on ddl_command_end execute procedure extensions.pgrst_ddl_watch();
create event trigger pgrst_drop_watch on sql_drop execute procedure extensions.pgrst_drop_watch();
"""


class Project(NamedTuple):
    """A database such as a project of Supabase has, by the name of its server's superuser."""

    admin: str

    @property
    def direct(self) -> str:
        """The connection that the dashboard shows as "direct": a role that is no superuser."""
        return self.as_role("postgres")

    @property
    def api(self) -> str:
        """The role with which the API logs in, and which then becomes what a token says."""
        return self.as_role("authenticator")

    def as_role(self, role: str) -> str:
        return make_conninfo(self.admin, user=role)

    def run(self, statements: str) -> None:
        """As the superuser."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(statements.encode())


@contextlib.contextmanager
def server(major: int) -> Iterator[Project]:
    """A new server; what it yields is to be cloned."""
    with embedded.temporary(major=major, configuration=CONFIGURATION) as running:
        first = database.conninfo(running.url())
        with psycopg.connect(first, autocommit=True) as connection:
            connection.execute(SUPERUSER)
        admin = make_conninfo(first, user=ADMIN)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(ROLES)
            connection.execute("create database project owner postgres")
            connection.execute("alter database project set pgrst.db_schemas = 'public'")
        project = Project(make_conninfo(admin, dbname="project"))
        project.run(PROJECT)
        yield project


@contextlib.contextmanager
def clone(project: Project, name: str) -> Iterator[Project]:
    """A copy of it under another name, dropped afterwards."""
    template = conninfo_to_dict(project.admin)["dbname"]
    with psycopg.connect(make_conninfo(project.admin, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template} owner postgres strategy file_copy")
        connection.execute(f"alter database {name} set pgrst.db_schemas = 'public'")
        try:
            yield Project(make_conninfo(project.admin, dbname=name))
        finally:
            connection.execute(f"drop database {name} with (force)")

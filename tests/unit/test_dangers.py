"""What reaches beyond the database is found in the text of a file, before anything runs."""

import pytest

from memdb.linting import dangers


def found(sql: str) -> list[tuple[str, int]]:
    return [(finding.rule, finding.column) for finding in dangers.find(sql, "file")]


@pytest.mark.parametrize(
    ("sql", "rule", "column"),
    [
        ("copy t to program 'x'", "runs-program", 1),
        ("copy/**/t from  program 'x'", "runs-program", 1),
        ("COPY (select a from b) TO PROGRAM $$x$$", "runs-program", 1),
        ("do $a$ begin if true then copy t to program 'x'; end if; end $a$", "runs-program", 8),
        ("do 'begin copy t to program ''x''; end'", "runs-program", 5),
        (
            "create function f() returns void language plpgsql as $$ begin copy t from program 'x'; end $$",
            "runs-program",
            57,
        ),
        ("copy t from '/etc/passwd'", "server-file", 1),
        ("copy (select 1) to '/tmp/x'", "server-file", 1),
        ("select pg_read_file('x')", "server-file", 1),
        ("select pg_catalog.lo_import('x')", "server-file", 1),
        ("alter system set work_mem = '5MB'", "server-setting", 1),
        ("load 'x'", "server-setting", 1),
        ("create subscription s connection 'x' publication p", "reaches-out", 1),
        ("select * from dblink('x', 'y') as t (a int)", "reaches-out", 1),
        ("create extension if not exists postgres_fdw", "reaches-out", 1),
        ("create role a superuser", "makes-role", 1),
        ("alter user a password 'x'", "makes-role", 1),
        ("do language plpython3u $$ x $$", "untrusted-language", 1),
        ("create function f() returns int language 'plperlu' as $$ a $$", "untrusted-language", 1),
        ("create function f() returns int as '/x.so', 'f' language c", "untrusted-language", 1),
        ('create extension "plpython3u"', "untrusted-language", 1),
        ("create function f() returns int language sql security definer as 'select 1'", "definer-search-path", 1),
        ("alter function f() security definer", "definer-search-path", 1),
    ],
)
def test_it_is_found(sql: str, rule: str, column: int) -> None:
    assert found(sql) == [(rule, column)]


@pytest.mark.parametrize(
    "sql",
    [
        "copy t from stdin",
        "insert into program values ('copy t to program')",
        "comment on function f() is 'security definer language c'",
        "create table copy (program text, language text)",
        "create extension vector",
        "create user mapping for current_user server s",
        "grant select on t to role_of_others",
        "create function f() returns int language sql security definer set search_path = '' as 'select 1'",
        "create function f() returns int security definer begin atomic select 1; end",
        "create function f() returns int language plpgsql as $$ begin return 1; end $$",
    ],
)
def test_what_stays_in_the_database_is_not(sql: str) -> None:
    assert found(sql) == []

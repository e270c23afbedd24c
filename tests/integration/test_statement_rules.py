"""The rules by which statements are told apart, held against those of the server."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import generators, pq

from memdb import database, migrations, statements
from memdb.database import Connection
from memdb.ledger import sqlfiles

pytestmark = pytest.mark.once

VALUES = (
    "1", "1e5", "-1", "+-- ;\n 1", "2*/* ; /* ; */ ; */3", "1 /* ' */ - /* \" */ 1", "a$1", '"x"";"', '"ä;"',
    "'it''s; '", "';'", r"'\'", r"E'\';'", r"e'\\'", r"E'a''\';'", "E'a'\n  '\\';'", "E'a' -- ';\r\n '\\';'",
    r"U&'\0061;\\'", "u&'d!0061;' uescape '!'", "b'1'", "x'1F'", "N'n;'", r"n'\'", "date'2020-01-01'",
    "$$;$$", "$a$;$$;$b$;$a$", "$ä_1$;'$ä_1$", "$_$;$$$_$", "'a' -- ;'\n", "'a' -- ;\r", "'a'\n'b;'", "'{;}'::text",
    "(select ';')", "(array[1,2,3])[1:2]", "case when true then ';' end", "'\t;\r\n\r'", "1::int", "''", "5-/**/-6",
    "E'a\r\nb'", "'«;»'",
)  # fmt: skip
BETWEEN = (";", " ;\n", ";;", "; -- ;\n", ";/* ; */", "\r\n;\r\n", "/*/* ; */*/;", ";\t\f", "-- ';\n;")
SEEDS = range(40)


def several(seed: int) -> str:
    """Some ten queries of odd values with odd things between them."""
    draw = random.Random(seed)
    queries = (f"select {', '.join(draw.choices(VALUES, k=3))} from t" for _ in range(10))
    return "".join(query + draw.choice(BETWEEN) for query in queries)


def results(connection: Connection, sql: str) -> Iterator[list[bytes | None]]:
    connection.pgconn.send_query(sql.encode())
    for result in connection.wait(generators.execute(connection.pgconn)):
        assert result.status == pq.ExecStatus.TUPLES_OK, result.get_error_message()
        yield [result.get_value(0, column) for column in range(result.nfields)]


@pytest.mark.parametrize("seed", SEEDS)
def test_statements_one_by_one_are_what_the_text_is_as_a_whole(empty_connection: Connection, seed: int) -> None:
    sql = several(seed)
    empty_connection.execute("""create temporary table t as select 1 as a$1, 2 as "x"";", 3 as "ä;" """)
    parts = statements.split(sql)
    one_by_one = [row for part in parts for row in results(empty_connection, part.text)]
    assert one_by_one == list(results(empty_connection, sql))
    assert len(parts) == 10
    assert all(sql.startswith(part.text, part.start) for part in parts)


@pytest.mark.parametrize(
    "create",
    [
        "create function f() returns int begin atomic select 1; select case when true then 2 end as case; end",
        'create function f() returns int begin atomic select 1; select case when true then 2 end as "case"; end',
        "create function f() returns int begin/**/atomic select 1 as /* an */ end; select 2; end",
        "create or replace function f() returns int language sql begin atomic select (case 1 when 1 then 2 end); end",
        "create procedure f() begin atomic insert into t values (1); delete from t; end",
        "create procedure f(begin int) begin atomic select 1 as end; select 2 as atomic; end",
        "create function f() returns int return 1",
        "create function f() returns int language sql as 'select 1; select 2;'",
        "create function f(a text default ';') returns int language plpgsql as $f$ begin return 1; end; $f$",
        "create rule r as on insert to t do also (select 1; select 2)",
        "create table function (begin int, atomic int)",
    ],
)
def test_a_statement_keeps_the_semicolons_that_are_its_own(empty_connection: Connection, create: str) -> None:
    empty_connection.execute("create table t (a int)")
    parts = statements.split(f"select 1; {create}; select 3")
    assert [part.text for part in parts] == ["select 1", create, "select 3"]
    for part in parts:
        empty_connection.execute(part.text.encode())


def test_a_backslash_means_the_same_whatever_the_database_has_set(empty: str, tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "0001_a.sql").write_text(r"create table a as select '\' as b; -- ';")
    (tmp_path / "core" / "0001_a.rollback.sql").write_text("drop table a;")
    with database.connect(empty, purpose="test") as connection:
        connection.execute(f"alter database {connection.info.dbname} set standard_conforming_strings = off")
    with database.connect(empty, purpose="test") as connection:
        migrations.migrate(connection, sqlfiles.read_sets(tmp_path))
        assert connection.execute("select b from a").fetchone() == ("\\",)

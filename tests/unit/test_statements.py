"""Finding statements in SQL text by PostgreSQL's lexical rules."""

import sys
import time
import tracemalloc

import pytest

from memdb import statements


def texts(sql: str) -> list[str]:
    return [statement.text for statement in statements.split(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        ("-- only a comment", []),
        (";; ;", []),
        ("select 1", ["select 1"]),
        ("select 1; select 2;", ["select 1", "select 2"]),
        ("select ';'; select 2", ["select ';'", "select 2"]),
        ("select 'it''s; fine'; select 2", ["select 'it''s; fine'", "select 2"]),
        (r"select E'\';'; select 2", [r"select E'\';'", "select 2"]),
        (r"select '\'; select 2", [r"select '\'", "select 2"]),
        ('select ";" from "a;""b"; select 2', ['select ";" from "a;""b"', "select 2"]),
        ("select $$;$$; select $a$;$$;$a$", ["select $$;$$", "select $a$;$$;$a$"]),
        ("select a$1; select $1", ["select a$1", "select $1"]),
        ("/* ; /* ; */ ; */ select 1; -- ;\nselect 2", ["select 1", "select 2"]),
        ("create rule r as on insert to t do (select 1; select 2); select 3", 2),
        (
            "create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3",
            2,
        ),
        (
            "create or replace procedure p() begin atomic select 1 as end; select t.case from t; end; select 3",
            2,
        ),
        ("create function f() returns int begin/**/atomic select (case 1 when 1 then 2 end); end; select 3", 2),
        ("create procedure p() begin atomic select begin from t; end; select 3", 2),
        ("create function f() returns int return 1; select 2", 2),
        ('create table t ("begin" int); select 1', 2),
        ("create table begin_log (atomic int); select 1", 2),
        ("select U&'\\'; select U&\"a;\\\"; select 3", 3),
        ("select b'1;', N'a;', x'1;'; select 2", 2),
        (r"select date'\'; select n'\'; select 3", 3),  # the E of a name begins no escape string
        ("select E'a' -- ;'\n  '\\';'; select 2", 2),  # which goes on in the next line
        (r"select E'a''\';'; select 2", 2),
        (r"select E'\\'; select 2", 2),
        ("select $ä$;$$;$ä$; select $_1$;$_1$", 2),
        ("select $1$;$1$; select 2", 3),
        ("select 1$$;$$; select 2", 2),
        ("select ä$$; select 2 -- $$", 2),
        ("select 1 +-- ;\n 2; select 3 */* ; */ 4; select 5-/-6", 3),
        ("select 1 -- ;\r, 2; select 3", 2),
        ("/*/* /**/ ;*/ ; **/select 1; select 2", ["select 1", "select 2"]),
        ("select 1\u00a0; select 2", ["select 1\u00a0", "select 2"]),  # a letter to PostgreSQL
        ("select (1; select 2", 2),
        ("select 1e5::int, arr[1:2], a := b; select 2", 2),
        ("select 'never closed; select 2", 1),
        ("select E'never closed\\", 1),
        ('select "never closed; select 2', 1),
        ("select $$never closed; select 2", 1),
        ("/* never closed; select 2", []),
    ],
)
def test_statements_end_where_the_server_ends_them(sql: str, expected: list[str] | int) -> None:
    found = texts(sql)
    assert (len(found) if isinstance(expected, int) else found) == expected


def test_a_statement_knows_its_place_and_its_bare_words() -> None:
    (first, second) = statements.split("select 1;\n-- then\n  Drop Table \"t\" -- really\n 'x';")
    assert (first.start, second.start) == (0, 20)
    assert second.words == ("drop", "table")


@pytest.mark.parametrize(
    ("sql", "offset"),
    [
        (r"\restrict key", 0),
        (r"select 1 \gexec", 9),
        ("select :id", 7),
        ("select :'name'", 7),
        ("select a::int, b := c, '\\n', \":x\", $$\\d :x$$, E'\\'' -- \\d :x\n /* \\d */, arr[1:2]", None),
    ],
)
def test_what_only_psql_understands_is_found(sql: str, offset: int | None) -> None:
    assert statements.split(sql)[0].for_psql == offset


@pytest.mark.skipif(sys.version_info < (3, 11, 5), reason="Python before 3.11.5 needs atomic groups, which take more")
@pytest.mark.parametrize(
    ("begin", "repeated", "end"),
    [
        ("select '", "a", "'"),
        ("select '", "''", "'"),
        ("select E'", "\\'", "'"),
        ("select E'", "'\n'", ""),
        ("select E'a'", " \n", ""),
        ('create table "', '""', '"'),
        ("select $a$", "$b$;", "$a$"),
        ("select $a$", "$b$;", ""),
        ("select ", "$a", ""),
        ("create table t ", "(", ""),
        ("create table t ", "()", ""),
        ("select ", "/*", ""),
        ("select ", "/**/", ""),
        ("select ", "--\n", ""),
        ("create function f() begin atomic ", "case ", ""),
        ("select ", "ä", ""),
        ("", ";", "select 1"),
    ],
)
def test_a_long_text_takes_little_memory_and_time(begin: str, repeated: str, end: str) -> None:
    sql = begin + repeated * (100_000 // len(repeated)) + end
    tracemalloc.start()
    started = time.process_time()
    try:
        (statement,) = statements.split(sql)
        words = len(statement.words)
        seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * (sys.getsizeof(sql) + words)
    assert seconds < 30  # what grows with the square of the length takes far longer


def test_a_position_is_told_as_line_column_and_caret() -> None:
    sql = "select 1;\n\tselct 2;"
    assert statements.line_and_column(sql, 11) == (2, 2)
    assert statements.excerpt(sql, 11).splitlines() == ["    2 | \tselct 2;", "      | \t^"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_do(line_end: str) -> None:
    sql = line_end.join(["select 1;", "", "-- ä", "selct 2;", "select 3;"])
    assert statements.line_and_column(sql, sql.index("selct")) == (4, 1)
    assert statements.excerpt(sql, sql.index("selct")) == "    4 | selct 2;\n      | ^"


def test_the_places_of_many_statements_are_found_fast() -> None:
    sql = "insert into t values (1);\r\n" * 20_000
    started = time.process_time()
    lines = [statements.line_and_column(sql, statement.start)[0] for statement in statements.split(sql)]
    assert lines == list(range(1, 20_001))
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("offset", "shown", "caret"),
    [(0, "a" * 70 + "…", 0), (500, "…" + "a" * 70 + "…", 36), (1000, "…" + "a" * 70, 71), (980, "…" + "a" * 70, 51)],
)
def test_of_a_long_line_what_is_around_the_place_is_shown(offset: int, shown: str, caret: int) -> None:
    assert statements.excerpt("a" * 1000, offset) == f"    1 | {shown}\n      | {' ' * caret}^"


def test_the_end_of_the_text_is_a_place_too() -> None:
    assert statements.line_and_column("select\n", 7) == (2, 1)
    assert statements.excerpt("select", 6).endswith("      ^")

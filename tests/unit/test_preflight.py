"""What is refused of the text of a migration, before anything of a plan runs."""

from pathlib import Path

import pytest

from memdb.errors import MigrationError
from memdb.ledger.plan import Step
from memdb.ledger.sqlfiles import Migration
from memdb.migrations import preflight

ROWS = "copy public.t (id) from stdin;\n1\ta;\\N\tit's\n\\."


def check(sql: str, *, transactional: bool = True) -> None:
    preflight.check([Step("migrate", Migration("x", "core", Path("x.sql"), sql, transactional))])


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("-- why\n", "x.sql:1: the file has no statement", "select 1;"),
        ("select 1;\n\nCOMMIT", 'x.sql:3: "commit" would end the transaction', "Remove it"),
        ("begin; select 1; end;", '"begin" would', "Remove it"),
        ("start transaction isolation level serializable;", '"start transaction" would', "Remove it"),
        ("commit and chain;", '"commit" would', "Remove it"),
        ("rollback and chain;", '"rollback" would', "Remove it"),
        ("/* why */ rollback /* to */ work;", '"rollback" would', "Remove it"),
        ("end;", '"end" would', "Remove it"),
        ("abort;", '"abort" would', "Remove it"),
        ("prepare transaction 'x';", '"prepare transaction" would', "Remove it"),
        ("discard all;", "would release the lock", "a clean session"),
        ("set transaction isolation level serializable, read only;", "would keep memdb from recording", "Remove it"),
        ("set local transaction_read_only = on;", "would keep memdb from recording", "Remove it"),
        (ROWS, "x.sql:1: COPY FROM STDIN has no input", "pg_dump --inserts"),
        ("copy t to stdout", "COPY TO STDOUT no reader", "outside of migrations"),
        ("copy (select 1) to stdin", "COPY TO STDOUT no reader", "outside of migrations"),
        ("--\n-- dump\n--\n\n\\restrict Ab1\n\nset a.b = 1;", r"x.sql:5: only psql understands \restrict", "grep -vE"),
        ("select 1;\n\\unrestrict Ab1\n", r"x.sql:2: only psql understands \unrestrict", "pg_dump --inserts"),
        ("\\connect shop", r"only psql understands \connect", "without --create"),
        ("\\i tables.sql", r"only psql understands \i", "Put what it includes into this file"),
        ("\\copy t from 'x.csv'", r"only psql understands \copy", "pg_dump --inserts"),
        ("\\.", r"only psql understands \.", "pg_dump --inserts"),
        ("\\set ON_ERROR_STOP on\nselect 1;", r"only psql understands \set", "Remove it"),
        ("select 1 \\gexec", r"only psql understands \gexec", "Remove it"),
        ("select 1 \\", "only psql understands \\", "Remove it"),
        ("select * from t where id = :id;", "only psql understands :id", "has no variables"),
        (
            "create table t ();\n-- migrate:down\ndrop table t",
            'x.sql:2: what follows "-- migrate:down"',
            "rollback file",
        ),
        ("-- +goose Up\nselect 1;\n-- +goose Down\n", 'x.sql:3: what follows "-- +goose Down"', "rollback file"),
        ("select 1;\n-- +migrate Down\n", 'what follows "-- +migrate Down"', "rollback file"),
        ("select 1;\n--//@UNDO\nselect 2;", 'what follows "--//@UNDO"', "rollback file"),
        ('create role :"name";', "only psql understands :", "has no variables"),
    ],
)
def test_what_breaks_a_run_is_refused_with_its_line_and_what_to_do(sql: str, message: str, hint: str) -> None:
    with pytest.raises(MigrationError) as raised:
        check(sql)
    assert message in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    "sql",
    [
        "savepoint s; rollback to s; rollback work to savepoint s; rollback transaction to s; release s;",
        "prepare p as select 1; execute p;",
        "-- migrate:up transaction:false\nselect 1; -- migrate:down is written elsewhere\n-- Downloads, undone",
        "commit prepared 'x'; rollback prepared 'x';",
        "set transaction isolation level serializable; set constraints all deferred; set a.b = '\\begin';",
        "discard temp; discard plans;",
        "copy t from '/tmp/stdin'; copy t (stdin) from program 'cat'; copy t to '/tmp/x';",
        "select a::int, b[1:n], b[:n], '{}'::text[], 'C:\\', $$\\d :x$$ /* \\ :x */;",
        "select json_object('a' :b) from t;",
        "do $$ begin commit; end $$;",
        "comment on table t is 'copy t from stdin; commit; \\restrict';",
        "create table endings (a int); select begin_at from t;",
    ],
)
def test_what_only_looks_like_that_runs(sql: str) -> None:
    check(sql)


def test_a_file_outside_of_a_transaction_has_one_statement() -> None:
    check("-- why\n;vacuum;;", transactional=False)
    with pytest.raises(MigrationError, match=r"x\.sql:2: 2 statements in a file that says transactional: false"):
        check("vacuum;\nvacuum;", transactional=False)

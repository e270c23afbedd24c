"""Whatever the names of objects hold, a mend shows all that it does, in lines that can be pasted."""

import pytest
from psycopg import sql

from memdb import catalog, shipped
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify
from memdb.verification.comparison import Difference
from tests.integration.test_mends import run

NASTY_NAMES = [
    "two\nlines", "x\r\ndrop table users; --", "\u2028;drop table users;", "a'; drop table users; --", 'q"uote',
    "back\\slash",     "e\x1b[2J", "\u202ebidi", "json_value", "a.b", "(x)", "--", "/* x", "$$", "Ü",
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_nothing_hides_in_a_name(connection: Connection, sets: Sets, name: str) -> None:
    """What anyone may have made on our tables, and what a migration of one's own may make under such a name."""
    before = catalog.read(connection, "public").objects
    statements = (
        "alter table memories add column {} text default {}",
        "create index {} on memories (content) where content <> {}",
        "alter table memories add constraint {} check (content <> {})",
        "create policy {} on memories using (content <> {})",
        "create view {} as select {} as x",
        "create domain {} as text default {}",
        "create sequence {}; comment on table memories is {}",
    )
    for prefix, statement in zip("cikpvds", statements, strict=True):
        written = sql.SQL(statement).format(sql.Identifier(prefix + name), sql.Literal(name))
        connection.execute(written)
    patch = catalog.patch(before, catalog.read(connection, "public").objects)
    core = snapshot.read(shipped.sql_directory())
    for difference in verify.verify(connection, sets, core).differences:
        assert_plain(difference)
    mine = {**core, "0008_create_performance_indexes": {**core["0008_create_performance_indexes"], **patch}}
    assert verify.verify(connection, sets, mine).ok
    for prefix, kind in (("v", "view"), ("d", "domain"), ("s", "sequence"), ("i", "index")):
        connection.execute(sql.SQL(f"drop {kind} {{}}").format(sql.Identifier(prefix + name)))
    for prefix, kind in (("c", "column"), ("k", "constraint")):
        connection.execute(sql.SQL(f"alter table memories drop {kind} {{}}").format(sql.Identifier(prefix + name)))
    connection.execute(sql.SQL("drop policy {} on memories").format(sql.Identifier("p" + name)))
    differences = verify.verify(connection, sets, mine).differences
    for difference in differences:
        assert_plain(difference)
    run(connection, differences)
    assert verify.verify(connection, sets, mine).ok


def assert_plain(difference: Difference) -> None:
    for line in difference.mend.split("\n"):
        assert line.splitlines() == [line]
        assert all(character.isprintable() for character in line)

"""The locks of statements as PostgreSQL's documentation has them, where they cannot be measured."""

import pytest

from memdb.preview import documented


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("create index ix on memories (user_id)", {"memories": "SHARE"}),
        ("create unique index concurrently ix on app.memories (a)", {"app.memories": "SHARE UPDATE EXCLUSIVE"}),
        ('alter table if exists only "My Table" add column a int', {'"My Table"': "ACCESS EXCLUSIVE"}),
        ("alter table a validate constraint b", {"a": "SHARE UPDATE EXCLUSIVE"}),
        (
            "alter table a add constraint b foreign key (c) references d (e)",
            {"a": "SHARE ROW EXCLUSIVE", "d": "SHARE ROW EXCLUSIVE"},
        ),
        ("create table a (b int references c (d))", {"c": "SHARE ROW EXCLUSIVE"}),
        ("create type a as enum ('b')", {}),
        ("drop index concurrently if exists ix", {"ix": "SHARE UPDATE EXCLUSIVE"}),
        ("drop table a", {"a": "ACCESS EXCLUSIVE"}),
        ("create trigger t before insert on a for each row execute function f()", {"a": "SHARE ROW EXCLUSIVE"}),
        ("create policy p on a using (true)", {"a": "ACCESS EXCLUSIVE"}),
        ("comment on column a.b is 'c'", {"a": "SHARE UPDATE EXCLUSIVE"}),
        ("/* why */ insert into a values (1)", {"a": "ROW EXCLUSIVE"}),
        ("update a set b = 1", {"a": "ROW EXCLUSIVE"}),
        ("truncate table a", {"a": "ACCESS EXCLUSIVE"}),
    ],
)
def test_common_statements_have_documented_locks(statement: str, expected: dict[str, str]) -> None:
    found = documented.locks(statement)
    assert found is not None
    assert {lock.relation: lock.mode for lock in found} == expected


@pytest.mark.parametrize("statement", ["do $$ begin end $$", "select f()", "call p()"])
def test_of_what_runs_code_nothing_is_claimed(statement: str) -> None:
    assert documented.locks(statement) is None


def test_what_a_lock_blocks() -> None:
    blocked = {mode: documented.Lock.of("a", mode).blocks for mode in documented.STRENGTH}
    assert blocked["ACCESS EXCLUSIVE"] == "reads and writes"
    assert blocked["SHARE"] == blocked["EXCLUSIVE"] == "writes"
    assert blocked["SHARE UPDATE EXCLUSIVE"] == blocked["ROW EXCLUSIVE"] == "schema changes"

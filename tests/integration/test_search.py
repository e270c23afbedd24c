"""memdb search: what is found by words, by meaning and by both, why, how it looks, and for whom."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg.conninfo import make_conninfo
from rich.cells import cell_len

import memdb
from memdb import Question, cli, database, migrations
from memdb.database import Connection
from memdb.errors import DatabaseError, DataError, InvalidMemory, UsageError
from memdb.shape import Shape, Users
from memdb.values import Where
from tests.conftest import new_database
from tests.integration.conftest import as_role
from tests.integration.orm import shapes
from tests.integration.test_terminal import at_a_terminal, lines_drawn

ANN, BOB = (UUID(int=number << 96) for number in (1, 2))
HOSTILE = "sea\x1b[2J\n::error::x\u202e\ttab " + "日本語👩‍👩‍👧 " * 20
TEXTS = {
    1: "My sister Zoë lives in Lyon",
    2: "The invoice number is B1742-X",
    3: "It's Ann's 'quoted' \\ back & slash",
    4: "I like the sea and the sand",
    5: HOSTILE,
}
SETS = ("drop_hnsw", "fast_search", "hybrid_search", "row_security")


def axis(number: int) -> list[float]:
    return [float(place == number) for place in range(1536)]


def fill(conninfo: str) -> None:
    """Ann and Bob have the texts, all but the last two with an embedding; the second is a project."""
    with database.connect(conninfo, purpose="test") as connection:
        register_vector(connection)
        connection.cursor().executemany("insert into users (id) values (%s)", [[ANN], [BOB]])
        rows = [
            (id_of(n, user), user, "project" if n == 2 else "task", text, None if n > 3 else Vector(axis(n)))
            for user in (ANN, BOB)
            for n, text in TEXTS.items()
        ]
        connection.cursor().executemany(
            "insert into memories (id, user_id, memory_type, content, embedding, metadata) "
            "values (%s, %s, %s, %s, %s, '{\"year\": 2024}')",
            rows,
        )


def made(server: str, template: str, sets: tuple[str, ...]) -> Iterator[str]:
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=sets) as db:
            db.migrate()
        fill(conninfo)
        yield conninfo


@pytest.fixture(scope="module")
def core(server: str, template: str) -> Iterator[str]:
    yield from made(server, template, ())


@pytest.fixture(scope="module")
def with_sets(server: str, template: str) -> Iterator[str]:
    yield from made(server, template, SETS)


@pytest.fixture(params=["core", "with_sets"])
def filled(request: pytest.FixtureRequest) -> str:
    """Each of the databases in turn."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def has_sets(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["filled"] == "with_sets")


def id_of(number: int, user: UUID = ANN) -> UUID:
    return UUID(int=user.int + number)


def numbers(answer: memdb.Answer) -> list[int]:
    return [match.id.int - ANN.int for match in answer.matches]


def test_memories_are_found_by_words_by_meaning_and_by_both(filled: str, has_sets: bool) -> None:
    with memdb.open(filled) as db:
        words = db.search(Question("where is the invoice b1742-x?", user=ANN))
        (first, *_) = words.matches
        assert (first.id, first.distance, first.word_rank, first.memory_type) == (id_of(2), None, 1, "project")
        assert {"invoice", "b1742", "x"} <= set(first.words)
        near = db.search(Question(user=str(ANN), embedding=axis(3), k=2))
        assert (numbers(near)[0], len(near.matches), near.matches[0].vector_rank) == (3, 2, 1)
        both = db.search(Question("lyon sand", user=ANN, embedding=axis(1)))
        assert (numbers(both)[0], set(numbers(both))) == (1, {1, 2, 3, 4})
        assert both.matches[0].score == pytest.approx(1 / 61 + 1 / (60 + (both.matches[0].word_rank or 0)))
        like = db.search(Question(user=ANN, like=id_of(1)))
        assert set(numbers(like)) == {2, 3}
        assert db.search(Question("the", user=ANN, tiers=["project"])).matches[0].id == id_of(2)
        assert numbers(db.search(Question("sand", user=ANN, metadata={"year": 2025}))) == []
        later = db.search(Question("sand", user=ANN, where=[Where("year", gte=2024)]))
        assert (numbers(later), later.functions) == ([4], ())
        nothing = db.search(Question("!!! 🦊", user=ANN))
        assert (nothing.matches, nothing.notes[0][:26]) == ((), "The text has no letter and")
    used = ("search_memories_hybrid",) if has_sets else ()
    assert [answer.functions for answer in (words, near, both, like)] == [used] * 4
    assert [bool(answer.notes) for answer in (words, near, both)] == [not has_sets, False, not has_sets]


def test_an_explanation_says_what_excludes_a_memory(filled: str) -> None:
    with memdb.open(filled) as db:

        def why(number: int, text: str = "invoice sea", user: UUID = ANN, **asked: Any) -> tuple[Any, list[str]]:
            explained = db.explain(Question(text, user=ANN, **asked), id_of(number, user))
            return explained.place, [reason.split(",")[0].rstrip(".") for reason in explained.reasons]

        assert why(2, embedding=axis(2)) == (1, [])
        assert why(4, embedding=axis(2))[1] == ["It has no embedding"]
        assert why(4, text="zoë") == (None, ["It has no word of the text"])
        assert why(2, tiers=["task"]) == (None, ["Its tier is project"])
        assert why(2, metadata={"year": 1}) == (None, ["Its metadata are not as the search asks for"])
        assert why(2, embedding=axis(1), max_distance=0.5)[1] == ["Its distance"]
        assert why(2, text="", embedding=axis(1), k=1) == (None, ["Its score"])
        assert why(1, text="", like=id_of(1)) == (None, ["It is the memory that the others are to be like"])
        assert why(2, user=BOB) == (None, ["It is a memory of another user"])
        assert why(99) == (None, ["There is no such memory"])
        assert db.explain(Question("sea", user=ANN), id_of(2, BOB)).match is None


def test_a_rank_beyond_the_lists_does_not_count(connection: Connection, migrated: str) -> None:
    connection.execute("insert into users values (%s)", [ANN])
    connection.execute(
        "insert into memories (id, user_id, memory_type, content) select ('00000001-0000-0000-0000-' || lpad(n::text, "
        "12, '0'))::uuid, %s, 'task', 'word' || repeat(' more', n) from generate_series(1, 9) as n",
        [ANN],
    )
    with memdb.open(migrated) as db:
        explained = db.explain(Question("word", user=ANN, k=2), id_of(9))
    assert (explained.place, explained.answers, explained.counted) == (None, 2, 4)
    assert explained.match is not None
    assert (explained.match.word_rank, explained.match.score) == (9, 0)
    assert explained.reasons == ("By words it is number 9, and only the first 4 count.",)


def test_what_has_only_common_words_and_what_nothing_can_be_like_is_told(connection: Connection, migrated: str) -> None:
    connection.execute("insert into users values (%s)", [ANN])
    connection.execute(
        "insert into memories (id, user_id, memory_type, content, embedding) select ('00000001-0000-0000-0000-' || "
        "lpad(n::text, 12, '0'))::uuid, %s, 'task', 'sea' || case n when 30 then ' pangolin' else '' end, "
        "array_fill(0, array[1536])::vector from generate_series(1, 30) as n",
        [ANN],
    )
    with memdb.open(migrated) as db:
        question = Question("sea pangolin", user=ANN)
        assert numbers(db.search(question)) == [0x30]
        common = ("It has no word of the text, or only some that many memories have.",)
        assert db.explain(question, id_of(1)).reasons == common
        for ask in (db.search, lambda asked: db.explain(asked, id_of(2))):
            with pytest.raises(DataError, match="has an embedding of zeros, so none is like it"):
                ask(Question(user=ANN, like=id_of(1)))


@pytest.mark.parametrize("name", ["q.json", "object.json", "q.npz", "q.jsonl"])
@pytest.mark.once
def test_an_embedding_may_be_in_a_file_of_any_kind(core: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "q.json").write_text(json.dumps(axis(3)))
    (tmp_path / "object.json").write_text(json.dumps({"embedding": axis(3)}))
    (tmp_path / "q.jsonl").write_text(json.dumps({"embedding": axis(3)}))
    np.savez(tmp_path / "q.npz", embedding=np.array([axis(3)], np.float32))
    with memdb.open(core) as db:
        assert numbers(db.search(Question(user=ANN, embedding=tmp_path / name)))[0] == 3


ERRORS = {
    "sea": (2, "Missing option '--user'"),
    "--user {ann}": (2, "nothing is asked"),
    "sea --user nobody": (2, "there is no user 'nobody' in this database"),
    "sea --user 00000009-0000-0000-0000-000000000000": (3, "has no memories"),
    "sea --user {ann} --like {bobs}": (3, "has no memory"),
    "--user {ann} --like {without}": (3, "has no embedding, so none is like it"),
    "sea --user {ann} --like {anns} --embedding short.json": (2, "two embeddings are given"),
    "sea --user {ann} --embedding none.json": (3, "none.json cannot be read: No such file or directory"),
    "sea --user {ann} --embedding no.json": (3, "no.json is not JSON"),
    "sea --user {ann} --embedding short.json": (3, "embedding has 2 numbers, and the column is vector(1536)"),
    "sea --user {ann} --embedding two.jsonl": (3, "two.jsonl has 2 rows"),
    "sea --user {ann} --embedding q.csv": (3, "q.csv is not a kind of file that memdb reads"),
    "sea --user {ann} --limit 0": (2, "'--limit': 0 is not in the range"),
    "sea --user {ann} --max-distance nan": (2, "it is not a finite number"),
    "sea --user {ann} --tier other": (2, "'--tier': 'other' is not one of"),
    "sea --user {ann} --metadata 5": (2, "--metadata cannot be used: extra_data must be an object"),
    'sea --user {ann} --metadata {{"$gt":1}}': (2, '--metadata cannot be used: extra_data has the key "$gt"'),
    "sea --user {ann} --explain 7": (2, "'7' is not a valid UUID"),
}


@pytest.mark.once
def test_what_cannot_be_asked_is_a_clear_error(
    core: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMDB_DATABASE_URL", core)
    for name, text in {"no.json": "no", "short.json": "[1, 2]", "two.jsonl": '{"embedding": [1]}\n' * 2}.items():
        (tmp_path / name).write_text(text)
    known = {"ann": ANN, "anns": id_of(1), "bobs": id_of(1, BOB), "without": id_of(4)}
    for line, (code, said) in ERRORS.items():
        found = cli.main(["search", *line.format(**known).split(" ")])
        out, err = capsys.readouterr()
        assert (found, said in err.replace("\n       ", " "), out) == (code, True, ""), (line, err)
    with memdb.open(core) as db:
        for question, wrong in {
            Question("sea", user=ANN, k=0): UsageError,
            Question("sea", user=ANN, embedding=(1.0,)): InvalidMemory,
            Question("sea\0", user=ANN): InvalidMemory,
        }.items():
            with pytest.raises(wrong):
                db.search(question)


@pytest.mark.once
@pytest.mark.parametrize("columns", [80, 100])
def test_a_terminal_shows_two_lines_for_each_memory_and_none_is_broken(core: str, columns: int) -> None:
    command = ["search", "sea sand", "--user", str(ANN), "--database-url", core]
    code, seen = at_a_terminal(*command, columns=columns)
    drawn = lines_drawn(seen)
    start = next(number for number, line in enumerate(drawn) if line.startswith("distance  tier"))
    title, *rows = drawn[start : start + 5]
    assert (code, title) == (0, f"{'distance  tier      age     id':<66}words"), seen
    assert [row[28:64] for row in rows[::2]] == [str(id_of(4)), str(id_of(5))], seen
    assert rows[1] == f"  {TEXTS[4]}"
    assert rows[3].startswith(r"  sea\x1b[2J\n::error::x\u202e tab 日本語"), rows
    assert rows[3].endswith("…")
    for line in drawn:  # joined emoji take the room of one, or on some terminals of each
        assert "memdb_test" in line or sum(map(cell_len, line)) <= columns, line


@pytest.mark.once
def test_json_has_all_that_is_known(core: str, capsys: pytest.CaptureFixture[str]) -> None:
    """However the server writes moments."""
    core = make_conninfo(core, options="-cdatestyle=German")
    assert cli.main(["inspect", "--show-content", "--database-url", core]) == 0
    assert "My sister Zoë lives in Lyon" in capsys.readouterr().out
    command = ["search", "sea", "--user", str(ANN), "--database-url", core, "--format", "json"]
    assert cli.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["user"], found["matches"][0]["id"], found["matches"][0]["words"]) == (
        str(ANN),
        str(id_of(4)),
        ["sea"],
    )
    assert cli.main([*command, "--explain", str(id_of(1))]) == 0
    assert json.loads(capsys.readouterr().out)["place"] is None


def test_a_role_that_is_held_to_policies_sees_the_user_it_asks_for(filled: str, has_sets: bool) -> None:
    with database.connect(filled, purpose="test") as admin, as_role(admin, f"reader_{admin.info.backend_pid}"):
        name = f"reader_{admin.info.backend_pid}"
        with memdb.open(make_conninfo(filled, options=f"-c role={name}")) as db:
            with pytest.raises(DatabaseError, match="permission denied"):
                db.search(Question("sea", user=ANN))
            admin.execute(f"grant select on memories to {name}".encode())
            for question in (Question("sea sand", user=ANN), Question("lyon", user=ANN, embedding=axis(2))):
                with memdb.open(filled) as all_seeing:
                    assert db.search(question) == all_seeing.search(question)
            if has_sets:
                claims = make_conninfo(filled, options=f'-c role={name} -c request.jwt.claims={{"sub":"{BOB}"}}')
                with (
                    memdb.open(claims) as bobs,
                    pytest.raises(DataError, match="row-level security lets"),
                ):
                    bobs.search(Question("sea", user=ANN))


def test_a_superuser_reads_and_calls_nothing_of_others(filled: str, has_sets: bool) -> None:
    with new_database(filled, template=database_name(filled)) as copy, database.connect(copy, purpose="test") as admin:
        mallory = f"mallory_{admin.info.backend_pid}"
        admin.execute(f"create role {mallory}".encode())
        try:
            if has_sets:
                admin.execute(f"grant create on schema public to {mallory}".encode())
                with memdb.open(copy) as db:
                    answer = db.search(Question("sand", user=ANN, embedding=axis(1)))
                    assert (numbers(answer)[0] in (1, 4), answer.functions) == (True, ())
                    assert "search_memories_hybrid was not used" in " ".join(answer.notes)
            admin.execute(f"alter table memories owner to {mallory}".encode())
            with memdb.open(copy) as db, pytest.raises(DatabaseError, match=f"belongs to '{mallory}'"):
                db.search(Question("sand", user=ANN))
        finally:
            admin.execute(f"reassign owned by {mallory} to current_user; drop owned by {mallory}".encode())
            admin.execute(f"drop role {mallory}".encode())


def database_name(conninfo: str) -> str:
    with database.connect(conninfo, purpose="test") as connection:
        return connection.info.dbname


SHAPES = [
    Shape(Users("auth.accounts", "id", "bigint", may_be_made=False), "halfvec", 8),
    Shape(Users('"People"', '"userId"', "varchar(40)", may_be_made=False), "vector", 4),
    Shape(Users("people", "name", "text", may_be_made=False), "halfvec", 4),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.users.key_type}, {shape.embedding}")
def test_users_and_embeddings_may_be_of_any_type(connection_to_empty: Connection, tmp_path: Path, shape: Shape) -> None:
    connection, written = connection_to_empty, shapes.write(tmp_path, shape)
    shapes.make_users(connection, shape)
    migrations.migrate(connection, written)
    user, other, nobody = shapes.IDS[shape.users.python_type]
    for key in (user, other):
        connection.execute(
            "insert into memories (user_id, memory_type, content, embedding) values (%s, 'task', 'the sea', %s), "
            "(%s, 'task', 'the sand', %s)",
            [key, f"{vector(shape, 0)}", key, f"{vector(shape, 1)}"],
        )
    url = connection.info.dsn
    for chosen in ((), ("fast_search", "hybrid_search")):
        migrations.migrate(connection, written, chosen=chosen)
        with memdb.open(url, sql_dir=tmp_path) as db:
            both = db.search(Question("sand", user=str(user), embedding=vector(shape, 0)))
            assert ([match.content for match in both.matches], both.user) == (["the sand", "the sea"], user)
            assert bool(both.functions) == bool(chosen)
            assert db.explain(Question("sand", user=user), both.matches[0].id).place == 1
            with pytest.raises(DataError, match="has no memories"):
                db.search(Question("sand", user=nobody))


def vector(shape: Shape, number: int) -> list[float]:
    return [float(place == number) for place in range(shape.dimensions)]


@pytest.fixture
def connection_to_empty(empty: str) -> Iterator[Connection]:
    with database.connect(empty, purpose="test") as connection:
        yield connection

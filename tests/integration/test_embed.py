"""memdb embed: what is missing or stale is embedded, by an endpoint that may misbehave; nothing wrong is stored."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

import memdb
from memdb import database, door
from memdb.cli import main
from memdb.database import Connection
from memdb.embedders.endpoint import Endpoint as Client
from memdb.embedding import filling
from memdb.embedding.filling import Batching
from memdb.embedding.needs import Scope
from memdb.errors import DatabaseError, DataError, EmbedderFailed, UsageError
from tests.conftest import new_database
from tests.embedding_server import (
    Endpoint,
    Fault,
    Handler,
    answering,
    cut_off,
    failing,
    meaning,
    not_the_protocol,
    refusing,
    serving,
)  # fmt: skip
from tests.integration.conftest import as_role

pytestmark = pytest.mark.once

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
KEY = "sk-very-secret"
SMALL = Batching(texts=4, requests=2)


@pytest.fixture(scope="module")
def filled(server: str, template: str) -> Iterator[str]:
    """Ten memories of Ann, ten of Bob, none with an embedding."""
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=("drop_hnsw", "embeddings", "row_security")) as db:
            db.migrate()
        with database.connect(conninfo, purpose="test") as connection:
            connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into memories (id, user_id, memory_type, content) values (%s, %s, 'task', %s)",
                    [(UUID(int=n), ANN if n <= 10 else BOB, f"secret {n}") for n in range(1, 21)],
                )
        yield conninfo


@pytest.fixture
def conninfo(server: str, filled: str) -> Iterator[str]:
    name = str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])
    with new_database(server, template=name) as copied:
        yield copied


@pytest.fixture
def db(conninfo: str) -> door.Database:
    return memdb.open(conninfo)


@pytest.fixture
def connection(conninfo: str) -> Iterator[Connection]:
    with database.connect(conninfo, purpose="test") as connection:
        yield connection


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("MEMDB_EMBEDDING_API_KEY", KEY)
    with serving() as endpoint, ExitStack() as endpoint.clients:
        yield endpoint


def client(endpoint: Endpoint, model: str = "m", **settings: Any) -> Client:
    return endpoint.clients.enter_context(Client(model, endpoint.url, **settings))


async def asked_async(endpoint: Endpoint) -> None:
    asking = client(endpoint)
    try:
        await asking.aembed(["secret"])
    finally:
        await asking.aclose()


def states(connection: Connection, model: str = "m") -> dict[str, int]:
    rows = connection.execute("select state, count(*) from memory_embedding_states(%s) group by 1", [model])
    return dict(rows.fetchall())


def right(connection: Connection) -> int:
    """How many memories have the embedding of their text."""
    rows = connection.execute("select content, embedding::real[] from memories where embedding is not null").fetchall()
    return sum(np.allclose(numbers, meaning(content), atol=1e-6) for content, numbers in rows)


def test_what_is_missing_or_stale_is_embedded_and_the_rest_is_left(
    db: door.Database, connection: Connection, endpoint: Endpoint
) -> None:
    first = db.embed(client(endpoint), scope=Scope(user=ANN), batching=SMALL)
    assert (first.stored, first.left, first.requests, first.ok) == (10, 0, 3, True)
    assert states(connection) == {"current": 10, "missing": 10}
    connection.execute("update memories set content = 'secret 77' where id = %s", [UUID(int=7)])
    connection.execute("update memories set embedding = null where id = %s", [UUID(int=8)])
    endpoint.asked.clear()
    assert db.to_embed("m").memories == {"missing": 11, "stale": 1}
    assert db.embed(client(endpoint), batching=SMALL).stored == 12
    assert sorted(endpoint.texts) == sorted([f"secret {n}" for n in (77, 8, *range(11, 21))])
    assert (states(connection), right(connection)) == ({"current": 20}, 20)
    assert db.embed(client(endpoint)).requests == 0
    assert (endpoint.keys, endpoint.models) == ({f"Bearer {KEY}"}, {"m"})


def test_what_is_of_another_model_unknown_or_zero_is_embedded_on_request(
    db: door.Database, connection: Connection, endpoint: Endpoint
) -> None:
    db.embed(client(endpoint, "old"), scope=Scope(ANN))
    db.embed(client(endpoint))
    connection.execute(
        "update memories set embedding = array_fill(case when id = %s then 0 else 1 end, array[1536])::vector "
        "where id in (%s, %s)", [UUID(int=20), UUID(int=20), UUID(int=19)],
    )  # fmt: skip
    assert states(connection) == {"other model": 10, "unknown": 2, "current": 8}
    assert db.to_embed("m").total == 0
    assert db.to_embed("m", scope=Scope(also=["other-model", "zero"])).memories == {"other-model": 10, "zero": 1}
    assert db.to_embed("m", scope=Scope(also=["unknown"])).memories == {"unknown": 2}
    assert db.embed(client(endpoint), scope=Scope(also=["other-model", "unknown"])).stored == 12
    assert (states(connection), right(connection)) == ({"current": 20}, 20)
    with pytest.raises(UsageError, match="'old' is nothing"):
        Scope(also=["old"])


@pytest.mark.parametrize(
    "fault", [failing(429), failing(500), failing(503), cut_off], ids=["429", "500", "503", "cut off"]
)
def test_an_endpoint_that_fails_for_a_while_is_asked_again(
    db: door.Database, connection: Connection, endpoint: Endpoint, fault: Fault
) -> None:
    endpoint.faults = [fault]
    assert db.embed(client(endpoint), batching=Batching(texts=20, requests=1)).stored == 20
    assert (len(endpoint.asked), right(connection)) == (2, 20)


def zeros(vectors: list[Any]) -> list[Any]:
    return [vector * (place != 2) for place, vector in enumerate(vectors)]


def not_finite(vectors: list[Any]) -> list[Any]:
    return [np.where(place == 2, np.nan, vector) for place, vector in enumerate(vectors)]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answering(lambda given: given[:-1]), f"memory {UUID(int=4)}: 4 texts were answered with 3 embeddings"),
        (answering(lambda given: [*given, given[0]]), "4 texts were answered with 5"),
        (answering(lambda given: [one[:100] for one in given]), f"memory {UUID(int=1)}: an embedding has 100"),
        (answering(list, lambda count: [*range(count)][::-1]), f"memory {UUID(int=1)}: the embedding at place 0"),
        (failing(401), "127.0.0.1 answered 401"),
        (failing(500), "127.0.0.1 answered 500"),
        (not_the_protocol, "is not one of OpenAI's protocol"),
    ],
    ids=["short", "long", "wrong length", "wrong order", "key", "down", "not the protocol"],
)  # fmt: skip
def test_an_answer_that_cannot_be_trusted_ends_the_run_and_says_nothing_of_texts_and_keys(
    db: door.Database,
    connection: Connection,
    endpoint: Endpoint,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    said: str,
) -> None:
    endpoint.always = fault
    with caplog.at_level(logging.DEBUG), pytest.raises(EmbedderFailed, match=said) as caught:
        db.embed(client(endpoint, retries=1), batching=Batching(texts=4, requests=1))
    told = f"{caught.value} {caught.value.hint} {caught.getrepr(chain=True)} {caplog.text}"
    assert "secret" not in told.replace("test_embed", "")
    assert states(connection) == {"missing": 20}


@pytest.mark.parametrize(
    ("fault", "said"),
    [(answering(zeros), "all zeros"), (answering(not_finite), "must be finite"), (refusing("secret 3"), "400"),
     (refusing("secret 3", 500), "500")],
    ids=["zero", "not finite", "refused", "failing at it"],
)  # fmt: skip
def test_a_memory_that_gets_no_embedding_is_named_and_the_others_get_theirs(
    db: door.Database, connection: Connection, endpoint: Endpoint, fault: Fault, said: str
) -> None:
    endpoint.faults, endpoint.always = [fault], refusing("secret 3", 500 if said == "500" else 400)
    found = db.embed(client(endpoint), scope=Scope(ANN), batching=Batching(texts=10, requests=1))
    assert (found.stored, found.refused_in_all, found.ok) == (9, 1, False)
    assert (found.refused[0].memory_id, said in found.refused[0].reason) == (UUID(int=3), True)
    assert (states(connection), right(connection)) == ({"current": 9, "missing": 11}, 9)


@pytest.mark.parametrize("status", [400, 500])
def test_an_endpoint_that_refuses_any_text_is_not_asked_for_each_of_them(
    db: door.Database, connection: Connection, endpoint: Endpoint, status: int
) -> None:
    endpoint.always = failing(status)
    with pytest.raises(EmbedderFailed, match=rf"answered {status} \(bad\), and so it did to 'hello'"):
        db.embed(client(endpoint, retries=1), batching=Batching(texts=20, requests=1))
    assert [len(texts) for texts in endpoint.asked] == [20, 20, 1, 1]
    assert states(connection) == {"missing": 20}


def test_what_was_stored_before_a_failure_stays_and_the_next_run_goes_on(
    db: door.Database, connection: Connection, endpoint: Endpoint
) -> None:
    endpoint.faults = [lambda *_: False, lambda *_: False, failing(403)]
    with pytest.raises(EmbedderFailed, match="403") as raised:
        db.embed(client(endpoint), batching=Batching(texts=4, requests=1))
    assert "What was stored stays" in raised.value.hint
    assert right(connection) == 8
    endpoint.faults.clear()
    assert (db.embed(client(endpoint)).stored, right(connection)) == (12, 20)


class Meeting:
    """An embedder that goes on only when several ask at once, and does something meanwhile."""

    model = "m"

    def __init__(self, parties: int = 1, meanwhile: Any = lambda: None) -> None:
        self.barrier, self.meanwhile = threading.Barrier(parties), meanwhile
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        self.texts += texts
        self.barrier.wait(30)
        self.meanwhile()
        return [meaning(text) for text in texts]


def test_two_runs_at_once_share_the_work_and_pay_for_no_text_twice(conninfo: str, connection: Connection) -> None:
    embedder = Meeting(2)
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(memdb.open(conninfo).embed, embedder, batching=Batching(texts=10, requests=1)) for _ in range(2)
        ]
        stored = [run.result(60).stored for run in runs]
    assert (sum(stored), sorted(embedder.texts), right(connection)) == (20, sorted({*embedder.texts}), 20)


def test_applications_go_on_meanwhile_and_a_text_that_changes_keeps_no_embedding_of_the_old_one(
    db: door.Database, conninfo: str, connection: Connection
) -> None:
    def meanwhile() -> None:
        with psycopg.connect(conninfo, options="-c lock_timeout=1s") as other:
            other.execute("update memories set content = 'changed' where id = %s", [UUID(int=1)])
            other.execute("delete from memories where id = %s", [UUID(int=2)])

    found = db.embed(Meeting(1, meanwhile), batching=Batching(texts=20, requests=1))
    assert (found.stored, found.left, found.ok) == (18, 2, True)
    assert states(connection) == {"current": 18, "missing": 1}


def test_one_that_somebody_is_changing_is_passed_over(db: door.Database, conninfo: str, connection: Connection) -> None:
    with psycopg.connect(conninfo) as other:
        other.execute("update memories set accessed_at = now() where id = %s", [UUID(int=1)])
        assert (db.embed(Meeting()).left, right(connection)) == (1, 19)


def test_vectors_of_a_file_go_to_memories_whose_text_is_the_one_they_were_made_of(
    db: door.Database, connection: Connection, tmp_path: Path, capfd: pytest.CaptureFixture[str], conninfo: str
) -> None:
    lines = [
        {"id": str(UUID(int=n)), "content": f"secret {n}", "embedding": meaning(f"secret {n}").tolist()}
        for n in (1, 2, 3, 99)
    ]
    lines[1]["content"] = "another"
    lines.append(lines[0])
    (tmp_path / "v.jsonl").write_text("\n".join(map(json.dumps, lines)))
    given = ["embed", "--from", f"{tmp_path / 'v.jsonl'}", "--model", "m", "--database-url", conninfo]
    assert main([*given, "--dry-run"]) == 0
    out = capfd.readouterr().out
    assert "Would store 2 embeddings of m.\n1 memory left: the text is another than the file says.\n1 id of" in out
    assert states(connection) == {"missing": 20}
    assert main(given) == 0
    out = capfd.readouterr().out
    assert "Stored 2 embeddings of m" in out
    assert "1 memory left: the text is another than the file says.\n1 id of the file belongs to no memory." in out
    assert "1 row of the file left: an earlier one has the id of the same memory." in out
    assert (states(connection), right(connection)) == ({"current": 2, "missing": 18}, 2)
    again = db.embed_from(tmp_path / "v.jsonl", "m")
    assert (again.stored, again.left, again.other_text, again.absent) == (0, 0, 1, 1)
    (tmp_path / "bad.jsonl").write_text(json.dumps(lines[0] | {"embedding": [0.5]}))
    with pytest.raises(DataError, match="row 1: embedding has 1 numbers"):
        db.embed_from(tmp_path / "bad.jsonl", "m")
    (tmp_path / "half.jsonl").write_text(json.dumps(lines[0] | {"content": "\ud800"}))
    with pytest.raises(DataError, match="row 1: content is no text"):
        db.embed_from(tmp_path / "half.jsonl", "m")


def test_the_command_says_what_it_would_send_and_asks_first(
    conninfo: str, connection: Connection, endpoint: Endpoint, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ["embed", "--model", "m", "--base-url", endpoint.url, "--database-url", conninfo]
    assert main([*given, "--dry-run", "--price", "1000000"]) == 0
    assert (
        "20 memories to be embedded by m: 20 missing. About 51 tokens, which cost about 51.00."
        in capfd.readouterr().out
    )
    assert main(given) == 2
    assert "This sends the texts to 127.0.0.1." in capfd.readouterr().err
    assert (main([*given, "--yes", "--format", "json"]), endpoint.asked) != (0, [])
    out, err = capfd.readouterr()
    assert (json.loads(out)["stored"], "secret" in out + err) == (20, False)
    endpoint.always = refusing("secret")
    connection.execute("update memories set embedding = null where id = %s", [UUID(int=5)])
    assert main([*given, "--yes"]) == 1
    assert f"{UUID(int=5)}: 127.0.0.1 answered 400 (context_length_exceeded)" in capfd.readouterr().out
    assert main(["embed", "--database-url", conninfo, "--yes"]) == 2


def test_a_key_of_openai_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMDB_EMBEDDING_API_KEY", raising=False)
    with pytest.raises(UsageError, match=r"no key for api\.openai\.com"):
        Client("m")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert Client("m")._key == KEY
    assert Client("m", "https://api.openai.com.example.com/v1")._key == "none"
    assert KEY not in repr(Client("m"))
    with pytest.raises(UsageError, match="base URL"):
        Client("m", "localhost:11434")


def test_a_redirect_takes_no_texts_to_another_host(endpoint: Endpoint) -> None:
    with serving() as other:
        endpoint.always = failing(307, location=f"{other.url.replace('127.0.0.1', 'localhost')}/embeddings")
        with client(endpoint) as asked, pytest.raises(EmbedderFailed, match=r"127\.0\.0\.1 answered 307"):
            asked.embed(["secret"])
        with pytest.raises(EmbedderFailed, match=r"127\.0\.0\.1 answered 307"):
            asyncio.run(asked_async(endpoint))
        assert (len(endpoint.texts), other.texts) == (2, [])


def test_what_variables_tell_openai_of_an_organization_goes_to_no_other_endpoint(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"OPENAI_ORG_ID": KEY, "OPENAI_PROJECT_ID": KEY, "OPENAI_CUSTOM_HEADERS": f"X-Gateway: {KEY}"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MEMDB_EMBEDDING_API_KEY", "the key")
    with pytest.raises(UsageError, match="MEMDB_EMBEDDING_API_KEY has is no key"):
        client(endpoint)
    monkeypatch.setenv("MEMDB_EMBEDDING_API_KEY", "the-key\r\n")
    sent = list[str]()

    def heard(handler: Handler, _: list[str]) -> bool:
        sent.append(str(handler.headers))
        return False

    endpoint.always = heard
    with client(endpoint) as asked:
        asked.embed(["secret"])
    asyncio.run(asked_async(endpoint))
    assert ([KEY in headers for headers in sent], endpoint.keys) == ([False, False], {"Bearer the-key"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ALL_PROXY", "gopher://nowhere", "no client for the proxy"),
        ("SSL_CERT_FILE", "/nowhere", "or the certificates"),
        ("http_proxy", "http://127.0.0.1:9", "through the proxy of the environment"),
    ],
)
def test_what_the_environment_puts_between_is_named_where_it_is_the_cause(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with client(endpoint, retries=0) as asked, pytest.raises(EmbedderFailed, match=said):
        asked.embed(["secret"])


@pytest.mark.parametrize("url", ["localhost:11434", "http://[::1:80/v1", "http://localhost:99999/v1", "http:///v1"])
def test_what_is_no_url_of_an_endpoint_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="base URL"):
        Client("m", url)


def test_a_password_in_a_base_url_is_not_taken_for_one_of_a_database(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "--model", "m", "--base-url", "http://user:secret@localhost/v1"]) == 2
    err = capfd.readouterr().err
    assert ("a base URL with a user or a password" in err, "secret" in err, "--database-url" in err) == (
        True,
        False,
        False,
    )


def test_it_needs_the_set_and_to_see_all_rows(db: door.Database, conninfo: str, connection: Connection) -> None:
    with as_role(connection, "embed_reader") as theirs:
        connection.execute("grant select, update on memories, memory_embedding_sources to embed_reader")
        with pytest.raises(DatabaseError, match="row-level security may hide"):
            filling.estimate(theirs, "m")
    connection.execute("drop table memory_embedding_sources cascade")
    with pytest.raises(DatabaseError, match="set embeddings is not applied"):
        db.to_embed("m")


def test_a_check_tells_what_is_wrong_of_whom_and_which_command_mends_it(
    db: door.Database,
    conninfo: str,
    connection: Connection,
    endpoint: Endpoint,
    capfd: pytest.CaptureFixture[str],
) -> None:
    db.embed(client(endpoint))
    assert db.check_embeddings().found == ()
    given = ["embed", "--check", "--model", "m", "--database-url", conninfo]
    assert (main(given), "Nothing is wrong with the embeddings of 20" in capfd.readouterr().out) == (0, True)
    for change in (
        "embedding = null where id = %(missing)s",
        "content = 'x' where id = %(stale)s",
        "embedding = array_fill(0, array[1536])::vector where id = %(zero)s",
        "embedding = embedding + embedding where id = %(long)s",
        "embedding = (select embedding from memories where id = %(stale)s) where id = %(twin)s",
    ):
        names = {"missing": 1, "stale": 2, "zero": 3, "long": 4, "twin": 11}
        connection.execute(f"update memories set {change}".encode(), {name: UUID(int=n) for name, n in names.items()})
    connection.execute("update memory_embedding_sources set model = 'old' where memory_id = %s", [UUID(int=12)])
    assert db.check_embeddings().model == "m"  # that of most
    found = {fault.kind: fault for fault in db.check_embeddings("m").found}
    assert {kind: fault.memories for kind, fault in found.items()} == {
        "missing": 1, "stale": 1, "other-model": 1, "unknown": 3, "zero": 1, "not-unit": 1, "duplicate": 2,
        "outlier": 1,
    }  # fmt: skip
    assert (found["duplicate"].users, found["zero"].most, found["zero"].tiers) == (2, {str(ANN): 1}, {"task": 1})
    assert main(given) == 1
    out = capfd.readouterr().out
    assert f"1 with an embedding of zeros: 1 task; of user {ANN}." in out
    mending = [line.split()[1:] for line in out.splitlines() if line.strip().startswith("memdb embed")]
    assert len(mending) == 8
    for line in mending:
        assert main([*line, "--base-url", endpoint.url, "--database-url", conninfo, "--yes"]) == 0
    assert (db.check_embeddings("m").found, right(connection)) == ((), 20)


def test_texts_that_differ_only_in_what_models_do_not_see_are_no_duplicates(
    db: door.Database, conninfo: str, connection: Connection, endpoint: Endpoint, capfd: pytest.CaptureFixture[str]
) -> None:
    db.embed(client(endpoint))
    same = "embedding = (select embedding from memories where id = %(first)s)"
    given = {"first": UUID(int=1), "second": UUID(int=2), "third": UUID(int=3), "long": "and so on, " * 40}
    connection.execute(
        f"update memories set {same}, content = %(long)s || case id when %(first)s then 'A tea' else E' a\nTEA' end "
        "where id in (%(first)s, %(second)s)".encode(), given,
    )  # fmt: skip
    assert "duplicate" not in {fault.kind for fault in db.check_embeddings("m").found}
    connection.execute(f"update memories set {same} where id = %(third)s".encode(), given)
    assert {fault.kind: fault.memories for fault in db.check_embeddings("m").found}["duplicate"] == 3
    asked = ["--user", str(ANN), "--model", "m", "--base-url", endpoint.url]
    assert main(["embed", "--check", *asked, "--database-url", conninfo]) == 1
    out = capfd.readouterr().out
    assert f"memdb embed --model m --base-url {endpoint.url} --user {ANN} --also duplicate\n" in out
    assert "where the model is not one of OpenAI's" not in out

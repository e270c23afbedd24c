"""The example service, run as its users run it: a server process of its own, asked over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers import address, vectors

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[3]


@pytest.fixture
def service(migrated: str) -> Iterator[httpx.Client]:
    """A client of a running service with a database of its own."""
    with socket.socket() as listening:  # the server takes it over, so that its port is certain and free
        listening.bind(("127.0.0.1", 0))
        command = [sys.executable, "-m", "uvicorn", "examples.memory_service:app", "--fd", str(listening.fileno())]
        environment = os.environ | {"MEMDB_DATABASE_URL": address(migrated, "asyncpg")}
        with subprocess.Popen(
            [*command, "--log-level", "warning"], cwd=ROOT, env=environment, pass_fds=[listening.fileno()]
        ) as process:
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=30) as client:
                    _wait_for(client, process)
                    yield client
            finally:
                process.terminate()
    assert process.returncode in (0, -15)


def _wait_for(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            client.get("/openapi.json")
        except httpx.ConnectError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"the service ended with {process.returncode}")


def test_the_example_stores_finds_and_tells_how_it_is(service: httpx.Client) -> None:
    empty = service.get("/health").raise_for_status().json()
    assert empty["memories"] == {"personal": 0, "project": 0, "task": 0}
    user_id = service.post("/users").raise_for_status().json()["id"]
    walk, tea = vectors(2)
    for content, embedding, tier in (("a walk", walk, "task"), ("tea", tea, "personal")):
        memory = {"user_id": user_id, "memory_type": tier, "content": content, "embedding": embedding}
        added = service.post("/memories", json=memory | {"metadata": {"source": "chat"}}).raise_for_status().json()
        assert (added["content"], added["metadata"]) == (content, {"source": "chat"})
    search = {"user_id": user_id, "embedding": tea, "limit": 1}
    (found,) = service.post("/memories/search", json=search).raise_for_status().json()
    assert (found["content"], round(found["distance"], 6)) == ("tea", 0)
    listed = service.post("/memories/list", json={"user_id": user_id, "memory_types": ["task"]}).json()
    assert [memory["content"] for memory in listed] == ["a walk"]

    health = service.get("/health").json()
    assert (health["status"], health["memories"]) == ("ok", {"personal": 1, "project": 0, "task": 1})
    assert health["pgvector"]
    assert 0 < health["vector_query_ms"] < 1000
    assert service.delete(f"/users/{user_id}/memories/{found['id']}").status_code == 204
    assert service.delete(f"/users/{user_id}/memories/{found['id']}").status_code == 404


def test_the_example_refuses_what_cannot_be_stored(service: httpx.Client) -> None:
    user_id = service.post("/users").json()["id"]
    valid = {"user_id": user_id, "memory_type": "task", "content": "a walk"}
    refused = {"memory_type": "forever", "content": "", "embedding": [0.1], "metadata": []}
    for name, value in refused.items():
        answer = service.post("/memories", json=valid | {name: value})
        assert (answer.status_code, name in answer.text) == (422, True)
    answer = service.post("/memories", json=valid | {"user_id": "00000000-0000-0000-0000-000000000007"})
    assert (answer.status_code, "there is no user" in answer.json()["detail"]) == (422, True)
    assert service.post("/memories", json=valid).status_code == 201


NUMBERS = ",".join(["0.1"] * 1536)
WRONG: dict[str, tuple[str, str | bytes]] = {  # the path, then the body with MEMORY or USER for what is right of it
    "no JSON": ("/memories", "{"),
    "no UTF-8": ("/memories", b'{"content": "\xff"}'),
    "no object": ("/memories", "[]"),
    "NaN instead of an object": ("/memories", "NaN"),
    "lists without end": ("/memories", "[" * 100_000),
    "a number of 5,000 digits": ("/memories", '{MEMORY, "metadata": {"a": ' + "1" * 5000 + "}}"),
    "a field with half an emoji": ("/memories", '{MEMORY, "\\ud83d": 1}'),
    "a field with NUL": ("/memories", '{MEMORY, "\\u0000": NaN}'),
    "content with half an emoji": ("/memories", '{MEMORY, "content": "cut off \\ud83d"}'),
    "content with NUL": ("/memories", '{MEMORY, "content": "a\\u0000b"}'),
    "content that is NaN": ("/memories", '{MEMORY, "content": NaN}'),
    "an embedding with NaN": ("/memories", f'{{MEMORY, "embedding": [{NUMBERS.replace("0.1", "NaN", 1)}]}}'),
    "an embedding with 1e999": ("/memories", f'{{MEMORY, "embedding": [{NUMBERS.replace("0.1", "1e999", 1)}]}}'),
    "an embedding that is too long": ("/memories", f'{{MEMORY, "embedding": [{NUMBERS.replace("0.1", "1e30")}]}}'),
    "an embedding of texts": ("/memories", f'{{MEMORY, "embedding": ["\\ud83d", {NUMBERS.removeprefix("0.1,")}]}}'),
    "a key with half an emoji": ("/memories", '{MEMORY, "metadata": {"\\ud83d": 1}}'),
    "a key with NUL deep down": ("/memories", '{MEMORY, "metadata": {"a": [{"\\u0000": 1}]}}'),
    "metadata with NaN": ("/memories", '{MEMORY, "metadata": {"a": [NaN]}}'),
    "metadata with -Infinity": ("/memories", '{MEMORY, "metadata": {"a": -Infinity}}'),
    "metadata with 1e400": ("/memories", '{MEMORY, "metadata": {"a": 1e400}}'),
    "metadata that are too deep": ("/memories", '{MEMORY, "metadata": {"a": ' + "[" * 150 + "]" * 150 + "}}"),
    "metadata that are far too deep": ("/memories", '{MEMORY, "metadata": {"a": ' + "[" * 500 + "]" * 500 + "}}"),
    "a pattern with NaN": ("/memories", '{MEMORY, "metadata": {"stressor": "exam", "intensity": NaN}}'),
    "a user who is NaN": ("/memories/list", '{"user_id": NaN}'),
    "a filter with NUL": ("/memories/list", '{USER, "metadata": {"a": "\\u0000"}}'),
    "a filter with half an emoji": ("/memories/list", '{USER, "metadata": {"\\ud83d": null}}'),
    "a filter with NaN": ("/memories/list", '{USER, "metadata": {"a": NaN}}'),
    "an offset of 1e20": ("/memories/list", '{USER, "offset": 100000000000000000000}'),
    "an offset of 1e400": ("/memories/list", '{USER, "offset": 1e400}'),
    "a time before year 1": ("/memories/list", '{USER, "created_from": "0001-01-01T00:00:00+05:00"}'),
    "a time after year 9999": ("/memories/list", '{USER, "created_before": "9999-12-31T23:00:00-05:00"}'),
    "a time without offset": ("/memories/list", '{USER, "created_from": "2026-01-01T00:00:00"}'),
    "a time that is NaN": ("/memories/list", '{USER, "created_from": NaN}'),
    "a tier that is NaN": ("/memories/list", '{USER, "memory_types": [NaN]}'),
    "a question with NaN": ("/memories/search", f'{{USER, "embedding": [{NUMBERS.replace("0.1", "NaN", 1)}]}}'),
    "a question of zeros": ("/memories/search", f'{{USER, "embedding": [{NUMBERS.replace("0.1", "0")}]}}'),
    "a distance that is NaN": ("/memories/search", f'{{USER, "max_distance": NaN, "embedding": [{NUMBERS}]}}'),
    "a limit of Infinity": ("/memories/search", f'{{USER, "limit": Infinity, "embedding": [{NUMBERS}]}}'),
    "a search that filters by NaN": (
        "/memories/search",
        f'{{USER, "metadata": {{"a": NaN}}, "embedding": [{NUMBERS}]}}',
    ),
}


def test_whatever_a_client_sends_wrong_is_its_own_fault(service: httpx.Client) -> None:
    """Each answer is a status of 4xx, with JSON that says what is wrong."""
    user = f'"user_id": "{service.post("/users").json()["id"]}"'
    memory = f'{user}, "memory_type": "task", "content": "a walk"'
    answers = {}
    for name, (path, body) in WRONG.items():
        sent = body.replace("MEMORY", memory).replace("USER", user) if isinstance(body, str) else body
        answer = service.post(path, content=sent, headers={"content-type": "application/json"})
        answers[name] = answer.status_code if answer.json()["detail"] else "it does not say what"
    assert {name: status for name, status in answers.items() if status not in (400, 422)} == {}
    assert service.post("/memories/list", json=json.loads(f"{{{user}}}")).json() == []


def test_what_was_sent_wrong_is_named(service: httpx.Client) -> None:
    valid = {"user_id": service.post("/users").json()["id"], "memory_type": "task", "content": "a walk"}
    answer = service.post("/memories", json=valid | {"metadata": {"a": {"b": ["\0"]}}}).json()
    assert answer["detail"].startswith("extra_data.a.b[0] has a NUL character")
    (fault,) = service.post("/memories", json=valid | {"content": " "}).json()["detail"]
    assert (fault["loc"], "is empty" in fault["msg"]) == (["body", "content"], True)

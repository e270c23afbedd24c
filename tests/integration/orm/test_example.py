"""The example service, run as its users run it: a server process of its own, asked over HTTP."""

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

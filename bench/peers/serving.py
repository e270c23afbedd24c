"""Leads the process of one peer: questions come in on stdin and answers go out on stdout, one JSON object a line.

It runs in the peer's environment, where there is nothing of memdb, so it needs the standard library only.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol, TextIO


class Adapter(Protocol):
    """A library with one table in the database of a URL. Each adapter's class is called `Store`."""

    def __init__(self, url: str) -> None: ...

    def create(self) -> str:
        """Has the library make its table, and returns the statement that fills it from `memories`."""

    def index(self) -> None:
        """Has the library build its vector index, which takes a fraction of the time once the table is filled."""

    def search(self, user: str, embedding: list[float], k: int) -> list[float]:
        """The cosine distances of the user's nearest memories, nearest first."""


def serve(adapter: str, url: str) -> None:
    """Answers until stdin ends. An error is the answer, too, and then the end."""
    answers = _reserved_stdout()
    try:
        store: Adapter = importlib.import_module(f"bench.peers.{adapter}").Store(url)
        for line in sys.stdin:
            _send(answers, _answer(store, json.loads(line)))
    except Exception as error:
        _send(answers, {"error": f"{type(error).__name__}: {error}"})
        raise


def _answer(store: Adapter, question: Mapping[str, Any]) -> dict[str, Any]:
    if question["do"] == "create":
        return {"fill": store.create()}
    if question["do"] == "index":
        store.index()
        return {}
    started = time.perf_counter()
    distances = store.search(question["user"], question["embedding"], question["k"])
    return {"ms": (time.perf_counter() - started) * 1000, "distances": distances}


def _reserved_stdout() -> TextIO:
    """What stdout is now. From here on, whatever a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _send(answers: TextIO, answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])

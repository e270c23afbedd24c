"""A server that speaks OpenAI's protocol for embeddings, and misbehaves as a test asks."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

Fault = Callable[["Handler", list[str]], bool]
"""Answers a request itself, and says so; else the server goes on as usual."""


@dataclass
class Endpoint:
    """What was asked, and what is to go wrong: each fault once, in order."""

    url: str = ""
    dimensions: int = 1536
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    asked: list[list[str]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    capacity: threading.Semaphore | None = None
    seconds: float = 0
    clients: ExitStack = field(default_factory=ExitStack)

    @property
    def texts(self) -> list[str]:
        return [text for texts in self.asked for text in texts]


def meaning(text: str, dimensions: int = 1536) -> NDArray[np.float32]:
    """The same direction for the same text, of length 1."""
    drawn = np.random.default_rng(list(text.encode())).standard_normal(dimensions).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn), np.float32)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: Endpoint
    form: str

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts, self.form = asked["input"], asked.get("encoding_format", "float")
        with self.endpoint.lock:
            self.endpoint.keys.add(self.headers.get("authorization", ""))
            self.endpoint.models.add(asked["model"])
            self.endpoint.asked.append(texts)
            fault = self.endpoint.faults.pop(0) if self.endpoint.faults else self.endpoint.always
        if fault is None or not fault(self, texts):
            self.embeddings([meaning(text, self.endpoint.dimensions) for text in texts], asked.get("encoding_format"))

    def embeddings(self, vectors: Any, encoding: str | None = None, order: list[int] | None = None) -> None:
        def told(vector: Any) -> Any:
            given = np.asarray(vector, "<f4")
            return base64.b64encode(given.tobytes()).decode() if encoding == "base64" else given.tolist()

        if self.endpoint.capacity is not None:
            with self.endpoint.capacity:
                time.sleep(self.endpoint.seconds)
        places = order or range(len(vectors))
        data = [{"object": "embedding", "index": n, "embedding": told(v)} for n, v in zip(places, vectors, strict=True)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        self.answer(200, {"object": "list", "model": "m", "data": data, "usage": usage})

    def answer(self, status: int, body: Any, *, cut: int = 0, **headers: str) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(sent)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(sent[: len(sent) - cut])
        if cut:
            self.close_connection = True

    def log_message(self, *_: Any) -> None: ...


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Clients may be killed while they are answered."""


@contextmanager
def serving(dimensions: int = 1536) -> Iterator[Endpoint]:
    endpoint = Endpoint(dimensions=dimensions)
    kind = type("Handling", (Handler,), {"endpoint": endpoint})
    with _Server(("127.0.0.1", 0), kind) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def failing(status: int, **headers: Any) -> Fault:
    """The words of an error may quote what was sent. Nobody waits, unless other headers say so."""
    headers = headers or {"retry_after_ms": "1"}

    def fault(handler: Handler, texts: list[str]) -> bool:
        body = {"error": {"message": f"cannot embed {texts[0]} with {handler.headers['authorization']}", "code": "bad"}}
        handler.answer(status, body, **headers)
        return True

    return fault


def cut_off(handler: Handler, texts: list[str]) -> bool:
    handler.answer(200, {"object": "list", "data": [], "padding": "x" * 1000}, cut=500)
    return True


def not_the_protocol(handler: Handler, texts: list[str]) -> bool:
    handler.answer(200, ["nothing"])
    return True


def answering(change: Callable[[list[Any]], Any], order: Callable[[int], list[int]] | None = None) -> Fault:
    """Other vectors than the right ones, or another order."""

    def fault(handler: Handler, texts: list[str]) -> bool:
        vectors = change([meaning(text, handler.endpoint.dimensions) for text in texts])
        handler.embeddings(vectors, None, order(len(vectors)) if order else None)
        return True

    return fault


def refusing(word: str, status: int = 400) -> Fault:
    """Refuses a request that has a text with this word in it, as endpoints do for texts that are too long."""

    def fault(handler: Handler, texts: list[str]) -> bool:
        if any(word in text for text in texts):
            body = {"error": {"message": word, "code": "context_length_exceeded"}}
            handler.answer(status, body, retry_after_ms="1")
            return True
        return False

    return fault


def indexed(said: Callable[[int], dict[str, Any]]) -> Fault:
    """Right embeddings, of which another thing is said than their place among the texts."""

    def fault(handler: Handler, texts: list[str]) -> bool:
        told = [meaning(text, handler.endpoint.dimensions).tolist() for text in texts]
        handler.answer(200, {"data": [{"embedding": one} | said(place) for place, one in enumerate(told)]})
        return True

    return fault

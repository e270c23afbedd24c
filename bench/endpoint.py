"""An endpoint of OpenAI's protocol that takes 50 ms for a request, one after the other: 1,280 texts a second at most.

`python -m bench.endpoint` prints its port, in a process of its own: it answers with bytes that it has made before.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen
from sys import executable

import numpy as np

TEXTS, SECONDS, DIMENSIONS = 64, 0.05, 1536
RATE = TEXTS / SECONDS


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    turn = threading.Lock()

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
        body = _answer(len(texts))
        with self.turn:
            time.sleep(SECONDS)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@cache
def _answer(count: int) -> bytes:
    vectors = np.random.default_rng(1).standard_normal((count, DIMENSIONS)).astype("<f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    data = [
        {"object": "embedding", "index": place, "embedding": base64.b64encode(vector.tobytes()).decode()}
        for place, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": count, "total_tokens": count}
    return json.dumps({"object": "list", "model": "m", "data": data, "usage": usage}).encode()


@contextmanager
def serving() -> Iterator[str]:
    """The base URL of one in a process of its own."""
    with Popen([executable, "-m", __spec__.name], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


if __name__ == "__main__":
    _answer(TEXTS)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()

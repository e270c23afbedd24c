"""An answer is given up when it does not end: the timeout of a client is for each part of it, not for all of them."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

MOST_BYTES = 256 << 20
"""Seven times what 2,048 texts need, the most that OpenAI takes at once, with 3,072 numbers each as base64."""


class Endless(Exception):
    """An answer has more bytes than any can need, or has not ended in time."""


def bound(response: Any, seconds: float) -> None:
    """Has reading the body of a response of httpx raise Endless after so many seconds, or too many bytes."""
    read, read_async, checked = response.iter_raw, response.aiter_raw, _Bound(seconds).checked

    def parts(chunk_size: int | None = None) -> Iterator[bytes]:
        return map(checked, read(chunk_size))

    async def parts_async(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        async for part in read_async(chunk_size):
            yield checked(part)

    response.iter_raw, response.aiter_raw = parts, parts_async


class _Bound:
    def __init__(self, seconds: float) -> None:
        self._left, self._end = MOST_BYTES, time.monotonic() + seconds

    def checked(self, part: bytes) -> bytes:
        self._left -= len(part)
        if self._left < 0 or time.monotonic() > self._end:
            raise Endless
        return part

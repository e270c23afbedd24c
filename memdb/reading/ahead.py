"""What is made while what came before it is used."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Generator[T]:
    """Hands on the items; while one is used, the next two are made in a thread: the server takes rows in bursts."""
    with ThreadPoolExecutor(1) as worker:
        coming = deque(worker.submit(next, items, None) for _ in range(2))
        while (item := coming.popleft().result()) is not None:
            coming.append(worker.submit(next, items, None))
            yield item

"""Ids that sort in the order in which they were made: UUID version 7.

https://www.rfc-editor.org/rfc/rfc9562#section-5.7: 48 bits of milliseconds, then here a counter of 42 bits that starts
anew at random with each millisecond (section 6.2, method 1), then 32 random bits. The standard library has its own from
Python 3.14 on.
"""

import os
import secrets
import threading
import time
from uuid import UUID

_MILLISECONDS = (1 << 48) - 1
_COUNTER_BITS, _RANDOM_BITS = 42, 32


class _Clock:
    """Milliseconds and counter as one number that only grows, however the clock of the machine is set."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Also in a process that was forked, which goes on with another counter than its parent."""
        self._lock = threading.Lock()
        self._last = 0

    def tick(self) -> int:
        """Half of the counter is left for what comes within the millisecond, or while the clock has stepped back."""
        now = time.time_ns() // 1_000_000 << _COUNTER_BITS
        with self._lock:
            self._last = now | secrets.randbits(_COUNTER_BITS - 1) if now > self._last else self._last + 1
            return self._last


_clock = _Clock()


def new_id() -> UUID:
    """An id greater than all that this process has made before."""
    tick = _clock.tick()
    milliseconds, counter = tick >> _COUNTER_BITS & _MILLISECONDS, tick & (1 << _COUNTER_BITS) - 1
    high = milliseconds << 16 | 7 << 12 | counter >> 30
    low = 0b10 << 62 | (counter & (1 << 30) - 1) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return UUID(int=high << 64 | low)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_clock.start)

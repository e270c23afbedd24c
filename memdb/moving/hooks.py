"""What is told while rows are on their way."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hooks:
    """`on_start` hears how many rows there are, `on_progress` how many more are done."""

    on_start: Callable[[int], None] = lambda _: None
    on_progress: Callable[[int], None] = lambda _: None

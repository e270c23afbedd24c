"""What is told while rows are loaded."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Graphs of HNSW that grow with each row as it is loaded, which is slow.

    `rows` is None where it is not known how many come. `rebuild_seconds` is what building the indexes afterwards
    would take; None where this role cannot drop them. Seconds are estimates.
    """

    indexes: tuple[str, ...]
    rows: int | None
    rows_per_second: float
    rebuild_seconds: float | None

    @property
    def seconds(self) -> float | None:
        return None if self.rows is None else self.rows / self.rows_per_second


@dataclass(frozen=True, slots=True)
class Outgrown:
    """An index that outgrows maintenance_work_mem while it is built, which is slow: it needs so many MB."""

    index: str
    memory: int
    needed: int


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller wants to hear while rows are loaded.

    `on_progress` hears how many rows came, `on_index` and `on_vacuum` what is begun after the last of them, `on_build`
    how far the index is (0 to 1, None where that is not known), `on_wait` who is in the way.
    """

    on_progress: Callable[[int], None] = lambda _: None
    on_upkeep: Callable[[Upkeep], None] = lambda _: None
    on_index: Callable[[str], None] = lambda _: None
    on_build: Callable[[float | None], None] = lambda _: None
    on_outgrown: Callable[[Outgrown], None] = lambda _: None
    on_vacuum: Callable[[], None] = lambda: None
    on_wait: Callable[[str], None] = lambda _: None

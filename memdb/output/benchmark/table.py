"""A table, for the terminal, Markdown and HTML alike."""

from dataclasses import dataclass

NONE = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """`note` says how to read it. Cells of all columns but the first, and those of `wide`, are figures.

    `missed` are the cells, by row and column, that miss a target. What is `folded` is for who looks closer: reports
    have it, the terminal does not. Where a single strategy was measured, that is most of it.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wide: tuple[str, ...] = ()
    missed: frozenset[tuple[int, int]] = frozenset()
    folded: bool = False

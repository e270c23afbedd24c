"""Text for the demo: each chapter with its story, then its result as the command itself would show it."""

from collections.abc import Iterator
from typing import Any

from rich.constrain import Constrain
from rich.rule import Rule
from rich.table import Table

from memdb.demo import Chapter, Farewell, Search
from memdb.output.rendering import render
from memdb.output.streams import styled


@render.register
def _(chapter: Chapter) -> Iterator[Any]:
    yield Constrain(Rule(styled((chapter.title, "bold cyan")), align="left", style="cyan"), 120)
    yield styled((chapter.story, "italic"))
    yield ""
    yield from render(chapter.result)
    yield ""


@render.register
def _(search: Search) -> Iterator[Any]:
    found = Table(box=None, show_header=False, pad_edge=False)
    found.add_row("", "", styled((f"“{search.question}”", "bold")))
    for neighbour in search.neighbours:
        found.add_row(f"{neighbour.distance:.3f}", styled(neighbour.tier), styled(neighbour.content))
    yield found


@render.register
def _(farewell: Farewell) -> Iterator[Any]:
    yield "Explore it yourself:"
    yield f"  psql '{farewell.url}'"
    if not farewell.has_own_sql:
        yield f"  memdb status --database-url '{farewell.url}'"
    yield "  memdb db stop"

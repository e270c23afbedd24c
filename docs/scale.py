"""Draws the pictures of docs/scale.md, and writes its tables, from what `memdb capacity` says: `make picture`."""

import contextlib
import io
import math
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from memdb.capacity import Demand, Skew, plan
from memdb.capacity.ways import MEMORY_USED, Way, ways
from memdb.cli import main
from memdb.output.benchmark import plots
from memdb.output.benchmark.plots import Guide, Point, Series

_STYLE = """
text { fill: #566070; font: 12px system-ui, sans-serif; } .title { fill: #1c2430; }
.grid { stroke: #dfe3e8; } .faint { stroke: #eef0f3; } .axis { stroke: #566070; }
.guide { stroke: #566070; stroke-dasharray: 2 4; } text.guide { stroke: none; }
polyline { fill: none; stroke: var(--c); stroke-width: 2; } path { fill: var(--c); } text.tag { fill: var(--c); }
.s0 { --c: #2463c9; } .s1 { --c: #c2560c; } .s2 { --c: #0b7f5c; } .s3 { --c: #7a3fd1; }
"""
_USERS = [10**power * step for power in range(2, 9) for step in (1, 3)]
_SHARDS = [2**power for power in range(3, 13)]
_MEMORIES = 200
_BLOCK = re.compile(r"(?<=```console\n)\$ memdb (capacity[^\n]*)\n.*?(?=```)", re.DOTALL)
_TABLES = re.compile(r" *(kept as|median|\d  |shards on|as placed|moved by|one server more)")
"""How those lines begin that are shown."""


def draw(folder: Path) -> None:
    """Both pictures."""
    memories = plots.logarithmic("users, of 200 memories each", [float(users) for users in _USERS], _short)
    gigabytes = plots.logarithmic("GB that should be in memory", [0.01, 1e6], _short, _server())
    lines = tuple(_sizes())
    _write(folder / "scale-memory.svg", lines, plots.chart("Memory by users", lines, memories, gigabytes))
    shards = plots.logarithmic("shards", [float(number) for number in _SHARDS], _short)
    load = plots.logarithmic("load of the hottest shard / the mean", [1.0, 1000.0], _short)
    lines = tuple(_skews())
    _write(folder / "scale-shards.svg", lines, plots.chart("Hottest shard by shards", lines, shards, load))


def _server() -> Guide:
    """What memories may take of a server's memory."""
    all_of_it = Demand(1, _MEMORIES).node_memory_gib
    return Guide(all_of_it * MEMORY_USED, f"{MEMORY_USED:.0%} of a server of {all_of_it:g} GB")


def _sizes() -> Iterator[Series]:
    """What each way of keeping memories needs in memory."""
    found: dict[str, list[Point]] = {}
    for users in _USERS:
        for way in ways(Demand(users, _MEMORIES, active=0.2)):
            found.setdefault(_name(way), []).append(Point(users, max(way.memory_bytes / 2**30, 0.01), bare=True))
    for number, (name, points) in enumerate(found.items()):
        yield Series(name, number, (*points[:-1], replace(points[-1], bare=False)))


def _name(way: Way) -> str:
    return f"{way.embedding}, {', '.join(way.sets) or 'core'}"


def _skews() -> Iterator[Series]:
    """A million users on more and more shards."""
    for number, skew in enumerate(("equal", "lognormal:1", "lognormal:1.5", "zipf:0.8")):
        points = []
        for shards in _SHARDS:
            demand = Demand(
                10**6, _MEMORIES, Skew.parse(skew), qps=1000, sets=("fast_search", "drop_hnsw"), nodes=2, shards=shards
            )
            spread = plan(demand).spread
            assert spread is not None
            points.append(Point(shards, max(spread.hottest, 1.0)))
        yield Series(skew, number, tuple(points))


def _write(path: Path, lines: tuple[Series, ...], svg: str) -> None:
    """With its colours and a legend, as a file of its own that any page may show."""
    legend = "".join(
        f'<text x="{plots.LEFT + 12}" y="{plots.TOP + 18 + 16 * place}" class="tag s{line.color}">{line.name}</text>'
        for place, line in enumerate(lines)
    )
    inner = re.sub(r"^(<svg[^>]*>)", rf'\1<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>', svg)
    path.write_text(inner.replace("</svg>", f"{legend}</svg>") + "\n", encoding="utf-8")


def _short(value: float) -> str:
    """`1k`, `20M`."""
    power = min(int(math.log10(value) / 3 + 1e-9), 3) if value >= 1 else 0
    return f"{value / 1000**power:g}{' kMG'[power].strip()}"


def write_tables(page: Path) -> None:
    """Below each command, the tables that it prints."""
    page.write_text(_BLOCK.sub(_printed, page.read_text(encoding="utf-8")), encoding="utf-8")


def _printed(match: re.Match[str]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        main(shlex.split(match[1]))
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    tables = "\n".join(line if _TABLES.match(line) else "" for line in lines)
    return f"$ memdb {match[1]}\n" + re.sub(r"\n{2,}", "\n\n", tables).strip("\n") + "\n"


if __name__ == "__main__":
    draw(Path(__file__).parent)
    write_tables(Path(__file__).with_name("scale.md"))

"""Text for inspect."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from memdb.doctor.checks import sized
from memdb.doctor.inspection import Bucket, Inspection
from memdb.output.rendering import render
from memdb.output.streams import styled
from memdb.words import count, printable

_WIDTH = 24


@render.register
def _(result: Inspection) -> Iterator[Any]:
    about = "about " if result.estimated else ""
    users = f" of {count(result.users.users, 'user')}" if result.users else ""
    yield f"{about}{count(result.memories, 'memory')}{users} in schema {result.schema}.".capitalize()
    if result.oldest and result.newest:
        yield f"Made between {result.oldest:%d %b %Y} and {result.newest:%d %b %Y}."
    yield ""
    yield _bars("tier", [(share.name, share.memories) for share in result.tiers], about)
    yield ""
    yield _bars("age", [(share.name, share.memories) for share in result.ages], about)
    yield ""
    if result.users and result.users.users:
        yield _bars("memories a user", list(_filled(result.users.sizes)), "", "users")
        has = result.users
        yield f"Half of the users have at most {has.median:,}, 95 % at most {has.p95:,}; the largest {has.largest:,}."
        yield ""
    yield _sizes(result)
    if result.shown is not None:
        yield ""
        yield from (
            styled((f"{shown.memory_type:<9}", "bold"), f"{shown.created_at:%Y-%m-%d}  {shown.content}")
            for shown in result.shown
        )
    yield from (f"Note: {note}" for note in result.notes)


def _bars(title: str, rows: Sequence[tuple[str, int]], about: str, unit: str = "memories") -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(title, no_wrap=True)
    table.add_column(f"{about}{unit}", justify="right", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    total, most = sum(number for _, number in rows), max((number for _, number in rows), default=0)
    for name, number in rows:
        bar = "█" * round(_WIDTH * number / most) if most else ""
        table.add_row(
            printable(name), f"{number:,}", f"{number / total:.0%}" if total else "", bar or ("▏" if number else "")
        )
    return table


def _filled(sizes: Sequence[Bucket]) -> Iterator[tuple[str, int]]:
    """Without those that are empty at either end."""
    filled = [number for number, bucket in enumerate(sizes) if bucket.users]
    yield from ((_range(bucket), bucket.users) for bucket in sizes[filled[0] : filled[-1] + 1])


def _range(bucket: Bucket) -> str:
    return f"{bucket.least:,} or more" if bucket.most is None else f"{bucket.least:,} to {bucket.most:,}"


def _sizes(result: Inspection) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("on disk", overflow="fold")
    table.add_column("kind", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for size in result.sizes:
        table.add_row(printable(size.name), size.kind, sized(size.bytes))
    table.add_row("total", "", sized(sum(size.bytes for size in result.sizes)))
    return table

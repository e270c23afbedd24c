"""A study as one HTML page that needs nothing else: no script, no font, no network."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources

from memdb.benchmark.figures import Measured
from memdb.benchmark.recommending import GOOD_RECALL
from memdb.benchmark.strategies import NAMES
from memdb.benchmark.study import Study
from memdb.output.benchmark import plots, words
from memdb.output.benchmark.plots import Axis, Point, Series


def document(study: Study) -> str:
    """The whole page."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(_body(study))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Similarity search, measured</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )


def _body(study: Study) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in study.versions.items())
    yield f'<h1>Similarity search, measured</h1>\n<p class="soft">{escape(words.summary(study))}</p>'
    yield f'<p class="soft">{escape(versions)}</p>'
    yield from _verdict(study)
    yield from _plots(study.strategies)
    for table in words.tables(study):
        yield from _table(table)
    yield from _plans(study)
    notes = (*study.notes, *(study.changes.notes if study.changes else ()))
    yield f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>'


def _verdict(study: Study) -> Iterator[str]:
    yield f'<section class="card verdict{"" if study.ok else " missed"}">\n<h2>Verdict</h2>\n<ul>'
    for failure in study.verdict.failures:
        yield _item("bad", "missed", failure)
    if not study.verdict.failures:
        yield _item("good", "met", words.conclusion(study))
    if study.changes is not None:
        yield _item("plain", "compared", words.comparison(study.changes))
        yield from (_item("bad", "worse", words.sentence(one)) for one in study.changes.worse)
        yield from (_item("good", "better", words.sentence(one)) for one in study.changes.better)
    yield from (_item("warn", "advice", advice) for advice in study.verdict.advice)
    for one in study.verdict.recommendations:
        yield _item("plain", "set", one.because, f"{one.setting} = {one.value}")
    yield "</ul>\n</section>"


def _item(kind: str, word: str, text: str, code: str = "") -> str:
    shown = f"<code>{escape(code)}</code> " if code else ""
    return f'<li><b class="{kind}">{word}</b>{shown}{escape(text)}</li>'


def _plots(measured: Sequence[Measured]) -> Iterator[str]:
    """One colour for a strategy in all charts; dashed is another role."""
    shown = dict.fromkeys((one.name, one.role) for one in measured)
    yield '<div class="legend">'
    for name, role in shown:
        dashed, text = (" dashed", f"{name} as {role}") if role else ("", name)
        yield f'<span class="s{_color(name)}{dashed}">{escape(text)}</span>'
    yield '</div>\n<div class="plots">'
    yield _figure(
        "How long searches take", "A line that rises early is fast; where it ends, the slowest.", _spread(measured)
    )
    yield _figure("Recall against time", "Up and to the left is better; a line is a sweep.", _trade(measured))
    yield _figure(
        "Time against what a user holds",
        f"p95; a flat line serves every user alike. Hollow: recall below {GOOD_RECALL:g}.",
        _growth(measured),
    )
    if any(one.loads for one in measured):
        yield _figure(
            "Over several connections", "More is better; under load, cores run out first.", _throughput(measured)
        )
    yield "</div>"


def _figure(title: str, note: str, chart: str) -> str:
    return f'<section class="card"><h2>{title}</h2><p class="note">{note}</p>{chart}</section>'


def _color(name: str) -> int:
    return NAMES.index(name)


def _number(value: float) -> str:
    return f"{value:,g}"


def _spread(measured: Sequence[Measured]) -> str:
    """The share of searches that took no longer: of each strategy the variant with the best recall."""
    series = [
        Series(
            one.strategy,
            _color(one.name),
            tuple(Point(ms, share, "") for share, ms in zip(one.distribution.shares, one.distribution.ms, strict=True)),
            dashed=one.role is not None,
            dots=False,
        )
        for one in _best_of_each(measured)
    ]
    times = [point.x for one in series for point in one.points]
    x = plots.logarithmic("milliseconds", times, _number)
    return plots.chart("Distribution of latency", series, x, plots.shares("share of searches", [0.0]))


def _best_of_each(measured: Sequence[Measured]) -> list[Measured]:
    best: dict[tuple[str, str | None], Measured] = {}
    for one in measured:
        kept = best.setdefault((one.name, one.role), one)
        if one.recall.mean > kept.recall.mean:
            best[one.name, one.role] = one
    return list(best.values())


def _trade(measured: Sequence[Measured]) -> str:
    groups: dict[tuple[str, str | None], list[Measured]] = {}
    for one in measured:
        groups.setdefault((one.name, one.role), []).append(one)
    series = [
        Series(
            name,
            _color(name),
            tuple(Point(one.latency.p95_ms, one.recall.mean, _told(one)) for one in group),
            dashed=role is not None,
        )
        for (name, role), group in groups.items()
    ]
    x = plots.logarithmic("p95, milliseconds", [one.latency.p95_ms for one in measured], _number)
    y = plots.shares("mean recall", [one.recall.mean for one in measured])
    return plots.chart("Recall against latency", series, x, y)


def _told(one: Measured) -> str:
    return f"{words.label(one)}: p95 {one.latency.p95_ms:,.2f} ms, recall {one.recall.mean:.3f}"


def _growth(measured: Sequence[Measured]) -> str:
    series = [
        Series(
            one.strategy,
            _color(one.name),
            tuple(
                Point(
                    size.median_memories,
                    size.latency.p95_ms,
                    f"{words.label(one)}, {size.median_memories:,.0f} memories: p95 {size.latency.p95_ms:,.2f} ms, "
                    f"recall {size.recall.mean:.3f}",
                    hollow=size.recall.mean < GOOD_RECALL,
                )
                for size in one.sizes
            ),
            dashed=one.role is not None,
        )
        for one in _best_of_each(measured)
    ]
    sizes = [point.x for one in series for point in one.points]
    times = [point.y for one in series for point in one.points]
    x = plots.logarithmic("memories of the user (median of the class)", sizes, lambda value: f"{value:,.0f}")
    y = plots.logarithmic("p95, milliseconds", times, _number)
    return plots.chart("Latency against user size", series, x, y)


def _throughput(measured: Sequence[Measured]) -> str:
    series = [
        Series(
            one.strategy,
            _color(one.name),
            tuple(
                Point(
                    load.connections,
                    load.queries_per_second,
                    f"{words.label(one)}, {load.connections} connections: {load.queries_per_second:,.0f} per second",
                    hollow=load.recall_mean < GOOD_RECALL,
                )
                for load in one.loads
            ),
            dashed=one.role is not None,
        )
        for one in _best_of_each(measured)
    ]
    counts = [point.x for one in series for point in one.points]
    rates = [point.y for one in series for point in one.points]
    x = Axis("connections", min(counts) / 1.25, max(counts) * 1.25, tuple(sorted(set(counts))), True, _number)
    y = plots.logarithmic("searches per second", rates, _number)
    return plots.chart("Searches per second by connections", series, x, y)


def _table(table: words.Table) -> Iterator[str]:
    yield f'<section class="card">\n<h2>{escape(table.title)}</h2>\n<p class="note">{escape(table.note)}</p>'
    wide = [' class="wide"' if name in table.wide else "" for name in table.columns]
    heads = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(wide, table.columns, strict=True))
    yield f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>'
    for row in table.rows:
        cells = "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(wide, row, strict=True))
        yield f"<tr>{cells}</tr>"
    yield "</tbody>\n</table></div>\n</section>"


def _plans(study: Study) -> Iterator[str]:
    yield '<section class="card">\n<h2>Plans in full</h2>\n<p class="note">The most frequent of each.</p>'
    for one in study.strategies:
        plan = escape(one.plans.most_frequent)
        yield f"<details><summary>{escape(words.label(one))}</summary><pre>{plan}</pre></details>"
    yield "</section>"

"""A study as one HTML page that needs nothing else: no script, no font, no network."""

import re
from collections.abc import Iterator
from html import escape
from importlib import resources

from memdb.benchmark.study import Study
from memdb.output.benchmark import charts, plots, words
from memdb.output.benchmark.charts import Figure
from memdb.output.benchmark.table import Table
from memdb.output.benchmark.tables import tables
from memdb.words import printable

TITLE = "Similarity search, measured"


def document(study: Study) -> str:
    """The whole page."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(_body(study))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )


def _body(study: Study) -> Iterator[str]:
    yield f'<h1>{TITLE}</h1>\n<p class="soft">{_text(words.summary(study))}</p>'
    yield f'<p class="soft">{_text(words.surroundings(study))}</p>'
    yield from _verdict(study)
    yield '<div class="plots">'
    yield from map(_figure, charts.figures(study))
    yield "</div>"
    for table in tables(study):
        yield from _titled(table)
    yield from _plans(study)
    yield f'<ul class="notes">{"".join(f"<li>{_text(note)}</li>" for note in words.notes(study))}</ul>'


def _verdict(study: Study) -> Iterator[str]:
    yield f'<section class="card verdict{"" if study.ok else " missed"}">\n<h2>Verdict</h2>\n<ul>'
    for remark in words.remarks(study):
        code = f"<code>{_text(remark.code)}</code>" if remark.code else ""
        yield f'<li><b class="{remark.tone}">{remark.word}</b><span>{code}{_text(remark.text)}</span></li>'
    yield "</ul>\n</section>"


def _figure(figure: Figure) -> str:
    legend = "".join(f"<span>{plots.swatch(one)}{_text(one.name)}</span>" for one in figure.series)
    return (
        f'<section class="card"><h2>{figure.title}</h2><p class="note">{figure.note}</p>'
        f'<div class="legend">{legend}</div><div class="plot">{figure.svg}</div></section>'
    )


def _titled(table: Table) -> Iterator[str]:
    outer, inner = ("details", "summary") if table.folded else ("section", "h2")
    yield f'<{outer} class="card">\n<{inner}>{_text(table.title)}</{inner}>'
    yield from _table(table)
    yield f"</{outer}>"


def _table(table: Table) -> Iterator[str]:
    yield f'<p class="note">{_text(table.note)}</p>'
    wide = ["wide" if name in table.wide else "" for name in table.columns]
    heads = "".join(f"<th{_class(kind)}>{_text(name)}</th>" for kind, name in zip(wide, table.columns, strict=True))
    yield f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>'
    for row, cells in enumerate(table.rows):
        kinds = ("missed" if (row, column) in table.missed else wide[column] for column in range(len(cells)))
        shown = "".join(f"<td{_class(kind)}>{_cell(cell)}</td>" for kind, cell in zip(kinds, cells, strict=True))
        yield f"<tr>{shown}</tr>"
    yield "</tbody>\n</table></div>"


def _cell(text: str) -> str:
    """An interval is less than the value before it."""
    return re.sub(r"( ms) (\([^)]*\))$", r'\1 <span class="soft">\2</span>', _text(text))


def _text(text: str) -> str:
    """Names of indexes and roles are others': a control character may turn the direction of what follows."""
    return escape(printable(text))


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _plans(study: Study) -> Iterator[str]:
    yield '<section class="card">\n<h2>Plans in full</h2>\n<p class="note">The most frequent of each.</p>'
    for one in study.strategies:
        plan = "\n".join(map(_text, one.plans.most_frequent.split("\n")))
        yield f"<details><summary>{_text(words.label(one))}</summary><pre>{plan}</pre></details>"
    yield "</section>"

"""At a terminal, lines are broken between words, and what is to be pasted is not broken."""

import pytest
from rich.text import Text

from memdb.output.folding import Code, folded, folded_in_style

FOLDED = [
    ("prose that goes on", ["prose that", "goes on"]),
    ("  an indented line", ["  an", "  indented", "  line"]),
    ("a_name_that_is_too_long for it", ["a_name_that_is_too_long", "for it"]),
    ("it fits", ["it fits"]),
    ("", [""]),
    ("Run: memdb migrate --with SET.", ["Run:", "memdb migrate --with SET."]),
    ("then memdb repair --mark 0009 --yes", ["then", "memdb repair --mark 0009 --yes"]),
    ("or memdb new NAME, and so on", ["or", "memdb new NAME,", "and so on"]),
    ("(memdb db stop ends it)", ["(memdb db stop", "ends it)"]),
    ("what memdb has done", ["what", "memdb has", "done"]),
    ("Run: pip install 'memdb-pg[orm]'", ["Run:", "pip install 'memdb-pg[orm]'"]),
    ("memdb init . --users 'a (b)' and go", ["memdb init . --users 'a (b)'", "and go"]),
    ("insert into t values ('two  words')", ["insert", "into t", "values", "('two  words')"]),
    ("the application's users' ids", ["the", "application's", "users' ids"]),
    (Code("create index on memories"), ["create index on memories"]),
]


@pytest.mark.parametrize(("text", "lines"), FOLDED)
def test_lines_are_broken_between_words_and_commands_are_not(text: str, lines: list[str]) -> None:
    assert folded(text, 10) == lines


def test_a_pipe_gets_lines_as_they_are() -> None:
    assert folded("x y " * 100, None) == ["x y " * 100]


def test_what_goes_on_may_stand_below_what_it_goes_on_with() -> None:
    assert folded("hint:  one two three", 14, " " * 7) == ["hint:  one two", "       three"]


def test_colours_stay_with_their_words() -> None:
    lines = folded_in_style(Text.assemble(("MISSED", "red"), " recall of it"), 10)
    assert [(line.plain, [span.style for span in line.spans]) for line in lines] == [
        ("MISSED", ["red"]),
        ("recall of", []),
        ("it", []),
    ]

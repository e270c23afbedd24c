"""An object of the catalog is known by a key with fields; its text is for files and reports."""

import re
from pathlib import Path

import pytest

import memdb
from memdb.catalog import KINDS, Key

KEYS = {
    "table memories": Key("table", "memories"),
    "table audit.entry": Key("table", "entry", "audit"),
    "column memories.id": Key("column", "id", "memories"),
    "column audit.entry.id": Key("column", "id", "audit.entry"),
    "index audit.entry_at": Key("index", "entry_at", "audit"),
    "function touch()": Key("function", "touch", "", "()"),
    "function label(integer)": Key("function", "label", "", "(integer)"),
    "function audit.label(text, audit.tier)": Key("function", "label", "audit", "(text, audit.tier)"),
    'function "f(x).g"(numeric(10,2))': Key("function", '"f(x).g"', "", "(numeric(10,2))"),
    'column "Odd.name"."a.b"': Key("column", '"a.b"', '"Odd.name"'),
    'column "a(public.b"."c""d"': Key("column", '"c""d"', '"a(public.b"'),
    'policy "my schema"."my table"."two\nlines"': Key("policy", '"two\nlines"', '"my schema"."my table"'),
    'view "Ünïcode $$ \'--"': Key("view", '"Ünïcode $$ \'--"'),
    "constraint memories.UNIQUE (content)": Key("constraint", "UNIQUE ", "memories", "(content)"),
    "object operator public.===(integer,integer)": Key("object", "operator public.===(integer,integer)"),
    "object cast (a.tier AS text)": Key("object", "cast (a.tier AS text)"),
}


@pytest.mark.parametrize("text", KEYS)
def test_a_key_is_the_same_after_it_was_text(text: str) -> None:
    key = Key.parse(text)
    assert key == KEYS[text]
    assert (str(key), key.identity) == (text, text.partition(" ")[2])


@pytest.mark.parametrize("text", ["", "table", "table ", "table .a", 'table a."b', "column a..b", "table (", "x y z"])
def test_text_that_is_no_key_stays_as_it_is(text: str) -> None:
    assert str(Key.parse(text)).rstrip() == text.rstrip()


def test_functions_that_differ_in_arguments_have_one_qualified_name() -> None:
    assert {key.qualified for key in KEYS.values() if key.name == "label"} == {"label", "audit.label"}


def test_keys_are_sorted_as_their_texts_are() -> None:
    assert list(map(str, sorted(KEYS.values()))) == sorted(KEYS)


def test_only_keys_take_text_apart_and_only_what_is_read_is_text_before() -> None:
    taken_apart = re.compile(rf"(?:startswith|removeprefix|partition|split)\(\(?f?\"(?:{'|'.join(KINDS)}) ?\"")
    package = Path(memdb.__file__).parent
    sources = {path.relative_to(package).as_posix(): path.read_text() for path in package.rglob("*.py")}
    assert [path for path, source in sources.items() if taken_apart.search(source)] == []
    reading = {path for path, source in sources.items() if "Key.parse(" in source}
    assert reading == {"catalog/reading.py", "verification/snapshot.py"}

"""What is expected is put together and compared without a database; the reports are well-formed whatever is in them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from memdb import catalog, shipped
from memdb.catalog import Key
from memdb.errors import SqlFilesError
from memdb.ledger import sqlfiles
from memdb.output.formats import github, junit
from memdb.verification import comparison, snapshot
from memdb.verification.comparison import Difference
from memdb.verification.verify import Verification

# The examples of RFC 7396, appendix A, that can meet objects and attributes.
RFC_7396: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


TABLE, INDEX, ENUM, COLUMN = Key("table", "t"), Key("index", "i"), Key("enum", "e"), Key("column", "c", "t")


@pytest.mark.parametrize(("target", "change", "result"), RFC_7396)
def test_merging_follows_rfc_7396(target: Any, change: Any, result: Any) -> None:
    assert catalog.merge(target, change) == result


def test_a_patch_makes_the_later_catalog_of_the_earlier() -> None:
    before: catalog.Objects = {
        TABLE: {"comment": "x"},
        INDEX: {"options": {"m": "8", "lists": "1"}},
        ENUM: {},
    }
    after: catalog.Objects = {TABLE: {}, INDEX: {"options": {"m": "16"}}, COLUMN: {"type": "text"}}
    patch = catalog.patch(before, after)
    assert patch == {
        COLUMN: {"type": "text"},
        ENUM: None,
        INDEX: {"options": {"lists": None, "m": "16"}},
        TABLE: {"comment": None},
    }
    assert list(map(str, patch)) == sorted(map(str, patch))
    assert catalog.fold([catalog.patch({}, before), patch]) == after


def test_the_snapshot_knows_every_shipped_migration_in_order() -> None:
    directory = shipped.sql_directory()
    ids = [migration.id for migration in sqlfiles.read_sets(directory).migrations]
    assert list(snapshot.read(directory)) == ids


@pytest.mark.parametrize("text", ["", "[]", "{", '{"0001_a": []}', '{"0001_a": {"table a": 1}}', "\0"])
def test_a_snapshot_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "schema.json").write_text(text)
    with pytest.raises(SqlFilesError, match="cannot be read") as error:
        snapshot.read(tmp_path)
    assert "memdb snapshot" in error.value.hint


@pytest.mark.parametrize(
    "change", [{"type": 1}, {"nullable": "no"}, {"keys": "id"}, {"keys": [1]}, {"options": ["m"]}, {"cache": "many"}]
)
def test_a_snapshot_that_was_edited_to_what_no_object_is(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "schema.json").write_text(json.dumps({"$format": snapshot.FORMAT, "0001_a": {"column a.b": change}}))
    with pytest.raises(SqlFilesError, match=r"cannot be read: \w+ of column a\.b is not of its kind"):
        snapshot.read(tmp_path)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("column a.b", {"type": "text; drop table users"}),
        ("column a.b", {"default": "'', drop column c"}),
        ("column a.b", {"default": "$$'$$; drop table users; --'"}),
        ("column a.b", {"default": "E'\\'; drop table users; --"}),
        ("column a.b", {"default": "1 /* it goes on"}),
        ("constraint a.b", {"definition": "CHECK (true); drop table users"}),
        ("constraint a.b", {"definition": "CHECK (true), drop column c"}),
        ("index a", {"keys": ["id); drop table users; create index on a (id"]}),
        ("index a", {"options": {"m = 1); drop table users; --": "2"}}),
        ("policy a.b", {"using": "true); drop table users; select (1"}),
        ("sequence a", {"type": "bigint; drop table users"}),
        ("domain a", {"checks": {"b": "CHECK (true); drop table users"}}),
        ("trigger a.b", {"definition": "DROP TABLE users"}),
        ("rule a.b", {"definition": "CREATE TABLE users ()"}),
        ("statistics a", {"definition": "CREATE STATISTICS a ON b, c FROM d; drop table users"}),
        ("function a()", {"kind": "function a() is null; drop table users; --"}),
        ("extension vector; drop table users", {}),
    ],
)
def test_a_snapshot_in_which_a_mend_would_say_more_than_its_statement(
    tmp_path: Path, key: str, change: dict[str, object]
) -> None:
    """Somebody else may have edited it, and what a mend says is pasted."""
    (tmp_path / "schema.json").write_text(json.dumps({"$format": snapshot.FORMAT, "0001_a": {key: change}}))
    with pytest.raises(SqlFilesError, match=r"cannot be read: .+ of .+ is not of its kind") as error:
        snapshot.read(tmp_path)
    assert "memdb snapshot" in error.value.hint


def test_a_policy_for_all_rows_that_is_missing_is_not_a_line_to_paste() -> None:
    table, policy = Key("table", "t"), Key("policy", "p", "t")
    expected = {table: {}, policy: {"as": "permissive", "for": "all", "to": ["public"], "using": "true"}}
    (difference,) = comparison.compare(expected, {table: {}})
    assert all(line.startswith("--") for line in difference.mend.splitlines())
    assert "a person has to decide" in difference.mend


def test_a_snapshot_that_has_lost_a_line_in_a_merge() -> None:
    with pytest.raises(SqlFilesError, match=r"does not say table of index ix") as error:
        snapshot.folded([{Key("index", "ix"): {"unique": False}}])
    assert "memdb snapshot" in error.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"0001_a": {}}', "older memdb, which compared less"),
        ('{"$format": 1, "0001_a": {}}', "older memdb, which compared less"),
        ('{"$format": 99, "0001_a": {}}', "newer memdb: it has the format 99"),
        ('{"$format": "x"}', "newer memdb: it has the format x"),
        ('{"$format": 2, "0001_a": {"hologram h": {}}}', "newer memdb: it has objects of the kind 'hologram'"),
    ],
)
def test_a_snapshot_that_another_version_wrote(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "schema.json").write_text(text)
    with pytest.raises(SqlFilesError, match=message) as error:
        snapshot.read(tmp_path)
    assert "memdb snapshot" in error.value.hint


def test_a_difference_names_the_migration_that_set_the_attribute() -> None:
    applied: dict[str, catalog.Patch] = {
        "0001_a": {TABLE: {"row_security": False, "comment": "T"}},
        "0002_b": {TABLE: {"row_security": True}},
    }
    expected = catalog.fold(applied.values())
    found: catalog.Objects = {TABLE: {"row_security": False, "comment": "U"}}
    (difference,) = comparison.compare(expected, found, applied=applied)
    assert difference.migration == "0002_b"
    assert difference.expected == {"comment": "T", "row_security": True}
    assert difference.mend.splitlines() == [
        "alter table t enable row level security;",
        "comment on table t is 'T';",
    ]
    (difference,) = comparison.compare(expected, {}, applied=applied)
    assert (difference.problem, difference.migration) == ("missing", "0001_a")


@pytest.mark.parametrize(
    ("found", "mend"),
    [
        (["a", "c"], ["alter type e add value 'b' after 'a';"]),
        (["b", "c"], ["alter type e add value 'a' before 'b';"]),
        (["a"], ["alter type e add value 'b' after 'a';", "alter type e add value 'c' after 'b';"]),
    ],
)
def test_an_enum_is_mended_in_place_where_the_server_can(found: list[str], mend: list[str]) -> None:
    (difference,) = comparison.compare({ENUM: {"labels": ["a", "b", "c"]}}, {ENUM: {"labels": found}})
    assert difference.mend.splitlines() == mend


def verification(*differences: Difference, notes: tuple[str, ...] = ()) -> Verification:
    return Verification(
        differences=differences,
        notes=notes,
        compared={"table": ("memories",), "index": ("ix",)},
        not_compared=(),
        applied=("0001_a",),
        inferred=False,
        database="app",
        schema="public",
        server_version="18.4",
        pgvector_version="0.8.5",
    )


NASTY = Difference(
    "table", "memories", "different", {"comment": 'a <b> & "c" ]]> 100%'}, {"comment": "x\x00\x0b\r\n::error::y"},
    "comment on table memories is 'a';", "0001_a", "sql/core/0001_a,b:c.sql",
)  # fmt: skip


def test_a_junit_report_is_well_formed_whatever_a_comment_holds() -> None:
    suite = ElementTree.fromstring("\n".join(junit.lines(verification(NASTY))))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "table memories differs"
    assert 'a <b> & "c" ]]> 100%' in (failure.text or "")


def test_an_annotation_is_one_line_with_its_properties_escaped() -> None:
    error, notice, summary = github.lines(verification(NASTY, notes=("50% done",)))
    assert error.startswith("::error title=table memories differs,file=sql/core/0001_a%2Cb%3Ac.sql::comment: expected")
    assert "100%25%0A" in error
    assert not {"\n", "\r"} & set(error)
    assert notice == "::notice title=memdb verify-schema::50%25 done"
    assert summary.startswith("1 difference in 1 table and 1 index compared")

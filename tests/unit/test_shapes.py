"""The SQL that memdb ships, written for other users and other embeddings; and who says what they are."""

import re
from pathlib import Path, PurePosixPath

import pytest

from memdb import project, shipped
from memdb.errors import UsageError
from memdb.output.rendering import render
from memdb.project import Upgrade, Wanted, models, shipping
from memdb.shape import Shape, Users, may_refer, name, user_type
from memdb.successor import Successor

ACCOUNTS = Shape(Users("app.accounts", "account_id", "bigint", may_be_made=False), "halfvec", 768)


def sql_of(shape: Shape) -> dict[PurePosixPath, str]:
    return {path: text for path, text in shipping.texts(shape).items() if path.suffix == ".sql"}


def test_the_default_is_what_is_shipped_byte_for_byte() -> None:
    for path, text in shipping.texts().items():
        assert (shipped.sql_directory() / path).read_text() == text


@pytest.mark.parametrize("rule", shipping.RULES, ids=lambda rule: f"{rule.files} {rule.pattern}")
def test_each_rule_finds_its_place_in_what_is_shipped(rule: shipping.Rule) -> None:
    assert any(path.match(rule.files) and re.search(rule.pattern, text) for path, text in shipping.texts().items())


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in (*shipping.WITHOUT_INDEX, *shipping.NOT_INLINE)])
def test_each_text_that_a_shape_leaves_out_is_in_what_is_shipped(pattern: str) -> None:
    assert any(re.search(pattern, text) for text in shipping.texts().values())


def test_a_shape_without_an_index_over_embeddings_says_nothing_of_one() -> None:
    texts = shipping.texts(Shape(Users(key_type="integer"), "vector", 3072))
    told = re.compile(r"ix_memories_embedding|embedding index|the HNSW index|instead of in TOAST")
    assert {str(path): told.findall(text) for path, text in texts.items() if told.search(text)} == {}


@pytest.mark.parametrize("table", ['"My %s {users}"', '"it\'s"', "öffentlich.leute".join('""')])
def test_whatever_a_table_is_called_is_written_as_sql_has_it(table: str) -> None:
    users = Users(name(table), '"100 % id"', "bigint", may_be_made=False)
    texts = sql_of(Shape(users))
    assert f'references {table} ("100 % id")' in texts[PurePosixPath("core/0004_create_memories.sql")]
    said = texts[PurePosixPath("core/0002_require_users.sql")].partition("there is no table")[2].partition("\n")[0]
    assert table.replace("'", "''").replace("%", "%%") in said


def test_nothing_of_the_default_is_left_in_another_shape() -> None:
    left = re.compile(
        r"\b(1536|2048|vector\(|text-embedding-3-small)\b|references users|\(\s*uuid, |user_id uuid|formerly:|\{\{"
    )
    assert {str(path): left.findall(text) for path, text in sql_of(ACCOUNTS).items() if left.search(text)} == {}


def test_no_parameter_is_a_vector_where_embeddings_are_halfvecs() -> None:
    left = re.compile(r"\b\w+ vector(?=[,)\n])|, vector(?=[,)])")
    halves = Shape(dimensions=3072, embedding_type="halfvec")
    code = {path: re.sub("--.*", "", text) for path, text in sql_of(halves).items()}
    assert {str(path): left.findall(text) for path, text in code.items() if left.search(text)} == {}


def test_memories_refer_to_the_table_and_the_key_that_are_named() -> None:
    memories = sql_of(ACCOUNTS)[PurePosixPath("core/0004_create_memories.sql")]
    assert "user_id bigint not null," in memories
    assert "embedding halfvec(768) null," in memories
    assert "foreign key (user_id) references app.accounts (account_id) on delete cascade" in memories


def test_a_vector_of_more_dimensions_than_an_index_takes_has_none() -> None:
    texts = sql_of(Shape(embedding_type="vector", dimensions=3072))
    assert not any("ix_memories_embedding" in text for text in texts.values())
    assert not any(path.parent.name == "drop_hnsw" for path in texts)


def test_rows_that_do_not_fit_a_page_or_leave_half_of_it_empty_are_not_kept_inline() -> None:
    inline, described = "fast_search/1002_store_embeddings_inline.sql", PurePosixPath("fast_search/README.md")
    kept = {shape.embedding: PurePosixPath(inline) in sql_of(shape) for shape in SIZES}
    assert kept == {
        "vector(768)": True,
        "vector(1024)": False,
        "vector(1800)": True,
        "vector(2000)": False,
        "halfvec(1792)": False,
        "halfvec(3072)": True,
    }
    assert {shape.embedding: "TOAST" in shipping.texts(shape)[described] for shape in SIZES} == kept


def test_where_there_is_no_index_nobody_is_told_to_drop_it() -> None:
    told = shipping.texts(Shape(embedding_type="vector", dimensions=3072))[PurePosixPath("fast_search/README.md")]
    assert not re.search(r"hnsw_|HNSW index takes|ix_memories_embedding|drop_hnsw", told)


SIZES = (
    Shape(dimensions=768),
    Shape(dimensions=1024),
    Shape(dimensions=1800),
    Shape(dimensions=2000),
    Shape(embedding_type="halfvec", dimensions=1792),
    Shape(embedding_type="halfvec", dimensions=3072),
)


@pytest.mark.parametrize(
    ("wanted", "found", "chosen"),
    [
        (Wanted(), None, Shape()),
        (Wanted(dimensions=768), None, Shape(dimensions=768)),
        (Wanted(dimensions=3072), None, Shape(embedding_type="halfvec", dimensions=3072)),
        (Wanted(dimensions=3072, embedding_type="vector"), None, Shape(dimensions=3072)),
        (Wanted(user_id="BIGINT"), None, Shape(Users(key_type="bigint"))),
        (Wanted(user_id="character varying(40)"), None, Shape(Users(key_type="varchar(40)"))),
        (Wanted("auth.users", "uuid"), None, Shape(Users("auth.users", may_be_made=False))),
        (Wanted("people (person)", "text"), None, Shape(Users("people", "person", "text", may_be_made=False))),
        (Wanted("user", "int"), None, Shape(Users('"user"', key_type="integer", may_be_made=False))),
        (Wanted("crm.memories", "int"), None, Shape(Users("crm.memories", key_type="integer", may_be_made=False))),
        (Wanted(), ACCOUNTS, ACCOUNTS),
        (Wanted("app.accounts"), ACCOUNTS, ACCOUNTS),
        (Wanted(dimensions=4000), ACCOUNTS, Shape(ACCOUNTS.users, "halfvec", 4000)),
    ],
)
def test_a_shape_is_what_is_wanted_and_else_what_was_found(wanted: Wanted, found: Shape | None, chosen: Shape) -> None:
    assert project.choose(wanted, found) == chosen


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("accounts"), "the type of the ids in accounts is unknown"),
        (Wanted(user_id="numeric"), "cannot have the type 'numeric'"),
        (Wanted(user_id="uuid; drop table users"), "cannot have the type"),
        (Wanted("users; drop table users", "uuid"), "is not a table"),
        (Wanted("a.b.c", "uuid"), "is not the name of a table"),
        (Wanted("Users", "uuid"), "is not a table"),
        (Wanted("users (id, name)", "uuid"), "is not a table"),
        (Wanted('"two\nlines"', "uuid"), "is not the name of a table"),
        (Wanted('users ("$$")', "uuid"), "is not the name of a column"),
        (Wanted("users ()", "uuid"), "is not a table"),
        (Wanted("", "uuid"), "is not a table"),
        (Wanted("memories", "uuid"), "memories cannot be the table of your users, as the name is one that memdb uses"),
        (Wanted('public."memory_type" (id)', "uuid"), "cannot be the table of your users"),
        (Wanted("pg_catalog.pg_class (oid)", "bigint"), "as the name is one that PostgreSQL uses itself"),
        (Wanted(dimensions=0), "cannot have 0 dimensions"),
        (Wanted(dimensions=16_001), "cannot have 16001 dimensions"),
        (Wanted(embedding_type="sparsevec"), "cannot have the type 'sparsevec'"),
    ],
)
def test_what_cannot_be_is_wrong_usage(wanted: Wanted, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        project.choose(wanted)


@pytest.mark.parametrize("written", ["varchar(0)", "varchar(999999999)", "varchar(\u0665)", "varchar()", "varchar(-1)"])
def test_a_length_that_postgresql_does_not_read_is_no_type(written: str) -> None:
    with pytest.raises(UsageError, match=re.escape(repr(written))):
        user_type(written)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (Shape(dimensions=2000), []),
        (Shape(dimensions=2001), ["no HNSW index for a vector of more than 2,000", "With --embedding-type halfvec"]),
        (Shape(dimensions=4001), ["no HNSW index for a vector of more than 2,000"]),
        (Shape(embedding_type="halfvec", dimensions=2000), []),
        (Shape(embedding_type="halfvec", dimensions=4000), ["They are halfvec because"]),
        (Shape(embedding_type="halfvec", dimensions=4001), ["no HNSW index for a halfvec of more than 4,000"]),
    ],
)
def test_an_index_that_pgvector_does_not_have_is_told_for_the_type_it_is_about(shape: Shape, said: list[str]) -> None:
    _, *told, _ = render(Upgrade(Path("sql"), shape, (), (), has_snapshot=True, is_dry_run=True))
    assert len(told) == len(said)
    assert all(part in line for part, line in zip(said, told, strict=True))


def test_types_and_names_are_written_as_sql_has_them() -> None:
    assert user_type("int8") == "bigint"
    assert user_type('"uuid"') == "uuid", "as format_type has it under quote_all_identifiers"
    assert user_type("VARCHAR(12)") == "varchar(12)"
    assert name('"My Users"."order"', most=2) == '"My Users"."order"'
    assert [name(text) for text in ("order", "between", '"users"', '"it""s"')] == [
        '"order"',
        '"between"',
        "users",
        '"it""s"',
    ]


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ("uuid", "uuid", True),
        ("text", "character varying(20)", True),
        ("varchar(9)", "text", True),
        ("integer", "bigint", False),
        ("text", "uuid", False),
    ],
)
def test_a_text_may_refer_to_any_text_and_other_ids_to_their_own_type(one: str, other: str, may: bool) -> None:
    assert may_refer(one, other) is may


@pytest.mark.parametrize("dimensions", [128, 256, 512, 768, 1024, 2048, 3072])
def test_signatures_of_a_model_that_takes_over_are_those_of_a_project_made_for_it(dimensions: int) -> None:
    shape = models.shape_for(Shape(), dimensions, None)
    number = re.compile(r"bit\(\d+\)|\barray\[\d+\]|[\d.]+(?=::real)|\+ \d+")
    signatures = ("1001_", "1005_", "1015_", "1016_")
    whole = [text for path, text in sql_of(shape).items() if path.name.startswith(signatures)]
    begun = [sql for _, sql, _ in models.templates("begin", Successor("other"), shape)]
    assert {*number.findall("".join(begun))} == {*number.findall("".join(whole))}


def test_the_name_of_a_model_may_be_any_word_of_the_templates() -> None:
    begun = "".join(sql for _, sql, _ in models.templates("begin", Successor("our_new_model_name"), Shape()))
    assert "Embeddings of memories by the model our_new_model_name. " in begun

"""The sets that memdb ships, written for a shape: the same SQL, as a person would have written it for that shape.

What is shipped is the SQL of the default shape, and a set exists in no other form. Each rule says what another shape
has in its place. A set that is added later needs no rule if it names types in the ways that are here.
"""

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

from memdb import shipped, words
from memdb.ledger import sqlfiles
from memdb.project import owners
from memdb.shape import DEFAULT, Shape
from memdb.signature import Signature

Texts: TypeAlias = dict[PurePosixPath, str]
"""What the files of an SQL directory hold, by their paths from there."""

SNAPSHOT = PurePosixPath("schema.json")
STAND_IN = PurePosixPath("users.sql")
MAKES_USERS = PurePosixPath("core/0002_create_users.sql")

_USERS = ("0002_create_users", "3004_secure_users")
_OWN_USERS = "0002_require_users"
_INDEX = "0007_create_embedding_index"
_INLINE = "1002_store_embeddings_inline"
_WITHOUT_INDEX = "drop_hnsw"
_FORMERLY = re.compile(r"-- formerly: [^\n]*\n")
WITHOUT_INDEX = (
    (r"(?:\n-- A file that runs outside[^\n]*\n)?comment on index ix_memories_embedding is[^;]*;\n", ""),
    (r", or misses\nrows if the planner uses the HNSW index\. ", ".\n"),
    (r", and as long as the HNSW index takes for its rows", ""),
    (r"(?s:\*\*On a large live table\*\*.*?\n)(?=It ends)", ""),
    (
        (
            r", plus the time it takes to build the embedding index again\. README\.md says how to\n-- shorten it\. "
            r"[^.]*\. That takes [^.]*\."
        ),
        ".\n-- A trigger and an update of all rows would not block, but leave the table twice as large.",
    ),
    (r" No index serves it, so no plan can lose rows in the HNSW index\.", ""),
)
"""What is said of the index over embeddings, and what stands there where there is none."""
NOT_INLINE = ((r"\*\*Keeps\*\* embeddings [^*]*", ""),)
"""The same for embeddings that are not kept in their rows."""

_PAGE = 8160  # bytes that rows may have in a page
_BESIDE = 360  # of each row: content, metadata, ids, times and pointers
_FULL = 2 / 3  # of a page; with less, rows take 1.3 to 1.7 times what they take in TOAST (docs/search-research.md)


class Rule(NamedTuple):
    """In files whose paths match `files`, `text` stands in place of `pattern`; None leaves what is there."""

    files: str
    pattern: str
    text: Callable[[Shape], object]


def _key_type(shape: Shape) -> str:
    return shape.users.base_type


def _unadvised(shape: Shape) -> str:
    """For squawk, which would rather have another type: the application's key decides."""
    rule = {"integer": "prefer-bigint-over-int", "varchar": "prefer-text-field"}.get(_key_type(shape))
    return f"-- squawk-ignore-file {rule} -- user_id has the type of the key that it refers to\n" if rule else ""


def _model(shape: Shape) -> str:
    return " (OpenAI text-embedding-3-small)" if shape.dimensions == DEFAULT.dimensions else ""


def _number(field: str) -> Callable[[Shape], object]:
    return lambda shape: getattr(Signature.of(shape.dimensions), field)


def _pgvector(shape: Shape) -> str:
    index = " and the HNSW index that later migrations use" if shape.is_indexed else ""
    return f"the type {shape.embedding_type}, its distance operators{index}"


def _embedding_type(shape: Shape) -> str:
    return shape.embedding_type


def _few(text: str) -> Callable[[Shape], str]:
    """What is added where there are so few numbers that some need a third bit."""

    def written(shape: Shape) -> str:
        signature, kind = Signature.of(shape.dimensions), shape.embedding_type
        return text.format(signature=signature, kind=kind) if signature.small else ""

    return written


_SMALL_WORDS = """
-- {signature.small} more say which of the first {signature.small} are above -{signature.threshold}."""
_SMALL_BITS = """
            || binary_quantize(
                {kind}_add(
                    subvector(l2_normalize(embedding), 1, {signature.small}),
                    array_fill({signature.threshold}::real, array[{signature.small}])::{kind}
                )
            )"""
_SMALL_DOUBTS = """
|| bitxor(
    binary_quantize(
        {kind}_add(
            subvector(direction, 1, {signature.small}),
            array_fill({signature.lower}::real, array[{signature.small}])::{kind}
        )
    ),
    binary_quantize(
        {kind}_add(
            subvector(direction, 1, {signature.small}),
            array_fill({signature.upper}::real, array[{signature.small}])::{kind}
        )
    )
)"""
_BITS = {"bigint": 64, "integer": 32}
_WHOLE_NUMBER = """\
if length(said) <= 20 and translate(said, '-', '') <> ''
        and translate(left(said, 1), '0123456789-', '') = '' and translate(substr(said, 2), '0123456789', '') = '' then
        return case when said::numeric between {least} and {most} then said::numeric end;
    end if;
    return null;"""


def _as_id(shape: Shape) -> str | None:
    """What a text must be to be the id of a user: a cast of what is none would be an error."""
    if _key_type(shape) == "uuid":
        return None
    if (bits := _BITS.get(_key_type(shape))) is None:
        return "return nullif(said, '');"
    return _WHOLE_NUMBER.format(least=-(2 ** (bits - 1)), most=2 ** (bits - 1) - 1)


def _compared_as_text(shape: Shape) -> str | None:
    """PostgreSQL has no operator for varchar: one that another role has made would fit better than the one for text."""
    return "::text = (select memory_user()::text)" if _key_type(shape) == "varchar" else None


_SQL = "*.sql"
_PAGES = r"A page has room for one embedding either way\. [^.]*\."
_SEARCH = "fast_search/*"
_BY_SIGNATURE = "fast_search/*_search*"
_RULES = (
    # whose the memories are
    Rule("core/0002*", r"(?<=\bid )uuid default gen_random_uuid\(\)", lambda shape: owners.made(shape.users)),
    Rule("core/0002*", r"\ba uuid\b", lambda shape: words.with_article(_key_type(shape))),
    Rule("core/0002*", r"\buuid(?= column|'::regtype)", _key_type),
    Rule("core/000[45]*.sql", r"(?<=\n)(?=create table)", _unadvised),
    Rule("archive/3401*.sql", r"(?<=\n)(?=create table)", _unadvised),
    Rule("retention/3301*.sql", r"(?<=\n)(?=create table)", _unadvised),
    Rule("collections/3703*.sql", r"(?<=\n)(?=create table)", _unadvised),
    Rule("consolidation/360[23]*.sql", r"(?<=\n)(?=create table)", _unadvised),
    Rule(_SQL, r"(?<=\buser_id )uuid\b", lambda shape: shape.users.key_type),
    Rule(_SQL, r"(?<=[( ])uuid(?=, vector\b)", _key_type),
    Rule(_SQL, r"(?<=\breferences )users \(id\)", lambda shape: f"{shape.users.table} ({shape.users.key})"),
    Rule("row_security/3001*", r"(?<=\breturns )uuid\b", _key_type),
    Rule("row_security/3001*.sql", r"if said like [^;]*;\s*end if;\s*return null;", _as_id),
    Rule("*_secure_*.sql", r"(?<=\buser_id) = \(select memory_user\(\)\)", _compared_as_text),
    # what their embeddings are
    Rule("core/0001*", r"the type vector, its distance operators and the HNSW index[\w ]*", _pgvector),
    Rule(_SQL, r"\bvector\(1536\)", lambda shape: shape.embedding),
    Rule(_SQL, r"(?<=\bcompared )vector\b(?=\))|(?<=\breturns )vector\b", _embedding_type),
    Rule(
        _SQL, r"(?:(?<=[( ]uuid, )|(?<=\bembedding )|(?<=\bdirection )|(?<=\basked ))vector\b(?=[,)])", _embedding_type
    ),
    Rule(_SEARCH, r"(?<=::)vector\b|(?<=\()vector\b(?=\))", _embedding_type),
    Rule(_SQL, r"\bvector(?=_cosine_ops\b)", _embedding_type),
    Rule(_SEARCH, r"\bvector(?=_(?:add|sub)\b)", _embedding_type),
    Rule("embeddings/*", r"\bvector(?=_send\b)", _embedding_type),
    Rule(_SQL, r"\bvector_norm\b", lambda shape: "l2_norm" if shape.embedding_type == "halfvec" else "vector_norm"),
    Rule("core/*", r" \(OpenAI text-embedding-3-small\)", _model),
    Rule(_SQL, r"(?<![\w.])1536\b", lambda shape: shape.dimensions),
    Rule("fast_search/1002*", _PAGES, lambda _: "It is then read from one page, not from several."),
    # how these are told apart by bits
    Rule("fast_search/1001*.sql", r"(?<=\n {12}\))(?=\nend;)", _few(_SMALL_BITS)),
    Rule("fast_search/1001*.sql", r"(?<=were equally large\.)(?= With)", _few(_SMALL_WORDS)),
    Rule("fast_search/1005*.sql", r"(?<=\n\))(?=;\n\ncomment)", _few(_SMALL_DOUBTS)),
    Rule(_SEARCH, r"(?<![\w.])2048\b", _number("bits")),
    Rule(_SEARCH, r"(?<![\w.])512\b", _number("large")),
    Rule(_SEARCH, r"\b0\.018\b", _number("threshold")),
    Rule(_SEARCH, r"\b0\.013\b", _number("doubt")),
    Rule(_SEARCH, r"\b0\.005\b", _number("lower")),
    Rule(_SEARCH, r"\b0\.031\b", _number("upper")),
    Rule(_BY_SIGNATURE, r"(?<![\w.])45\b", _number("bound")),
    Rule(_BY_SIGNATURE, r"(?<![\w.])64\b", _number("best")),
    Rule(_BY_SIGNATURE, r"(?<![\w.])60\b", _number("margin")),
    # the same in shards
    Rule("citus/*.sql", r"(?<=\bowner )uuid\b", lambda shape: shape.users.key_type),
    Rule("citus/40*.sql", r"(?<=_with_ids\()uuid\b|(?<=note_memory_recalls\()uuid\b", _key_type),
    Rule("citus/40*.sql", r"(?<=set_memory_importance\()uuid\b|(?<=_collection\()uuid(?=, uuid\b)", _key_type),
    Rule("citus/4013*.sql", r"\bvector(?=_send\b)", _embedding_type),
    Rule("citus/4031*.sql", r"(?<=\busers )uuid(?=\[\])", _key_type),
    Rule("citus/402*.sql", r"(?<![\w.])2048\b", _number("bits")),
    Rule("citus/402*.sql", r"(?<=\()uuid(?=, text\b)", _key_type),
)
RULES = (*_RULES, *(rule._replace(files="citus/402*.sql") for rule in _RULES if rule.files == _BY_SIGNATURE))


def texts(shape: Shape = DEFAULT) -> Texts:
    """The files of all sets for this shape. The snapshot is among them only for the default, for which memdb has it."""
    folder = shipped.sql_directory()
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _is_shipped(path.relative_to(folder)))
    found = {PurePosixPath(path.relative_to(folder).as_posix()): path.read_text(encoding="utf-8") for path in paths}
    if shape == DEFAULT:
        return found
    del found[SNAPSHOT]
    fitting = {path: written(path, text, shape) for path, text in found.items() if _is_part(path, shape)}
    return fitting if shape.users.may_be_made else _with_own_users(fitting, shape)


def _is_shipped(path: Path) -> bool:
    return not sqlfiles.NOT_SETS & set(path.parts[:1])


def _is_part(path: PurePosixPath, shape: Shape) -> bool:
    """Whether the shape has such a file: not the index that pgvector does not have, nor rows that suit no page."""
    if path.parent.name == _WITHOUT_INDEX or path.name.startswith(_INDEX):
        return shape.is_indexed
    return is_inline(shape) if path.name.startswith(_INLINE) else True


def is_inline(shape: Shape, *, beside: int = _BESIDE) -> bool:
    """Whether rows with their embeddings and signatures fit into pages, and leave little of them empty."""
    of_embedding = shape.dimensions * (2 if shape.embedding_type == "halfvec" else 4)
    row = of_embedding + Signature.of(shape.dimensions).bits // 8 + beside
    return _PAGE // row * row >= _FULL * _PAGE


def written(path: PurePosixPath, text: str, shape: Shape) -> str:
    """All rules at once, so that none reads what another has written."""
    rules = {f"rule{number}": rule for number, rule in enumerate(RULES) if path.match(rule.files)}
    if rules:
        pattern = "|".join(f"(?P<{name}>{rule.pattern})" for name, rule in rules.items())

        def other(match: re.Match[str]) -> str:
            written = rules[match.lastgroup or ""].text(shape)
            return match[0] if written is None else str(written)

        text = re.sub(pattern, other, _FORMERLY.sub("", text))
    others = (*(() if shape.is_indexed else WITHOUT_INDEX), *(() if is_inline(shape) else NOT_INLINE))
    for pattern, other in others:
        text = re.sub(pattern, other, text)
    return text


def _with_own_users(found: Texts, shape: Shape) -> Texts:
    core = PurePosixPath(sqlfiles.CORE)
    own = {
        core / f"{_OWN_USERS}.sql": owners.require(shape.users),
        core / f"{_OWN_USERS}{sqlfiles.ROLLBACK_SUFFIX}": owners.leave(),
        STAND_IN: owners.stand_in(shape.users),
    }
    others = {path: text for path, text in found.items() if not path.name.startswith(_USERS)}
    return dict(sorted((others | own).items()))

"""HNSW indexes smaller than the table's own: what each takes, and what it finds among the memories of all users.

A search takes the 100 nearest from the index and compares them by distance.
"""

from collections.abc import Iterator
from typing import LiteralString

from pgvector import Vector

from bench.compare import Comparison
from bench.search_rows import Rows, user
from bench.searching import DEPTHS, Search
from memdb.database import Connection

# Name, what is indexed, operator class, operator.
_INDEXES: tuple[tuple[str, LiteralString, LiteralString, LiteralString], ...] = (
    ("vector(1536)", "{}", "vector_cosine_ops", "<=>"),
    ("halfvec(1536)", "({}::halfvec(1536))", "halfvec_cosine_ops", "<=>"),
    ("halfvec, first 768", "(subvector({}, 1, 768)::halfvec(768))", "halfvec_cosine_ops", "<=>"),
    ("bits", "(binary_quantize({})::bit(1536))", "bit_hamming_ops", "<~>"),
)


def run(connection: Connection, rows: Rows) -> Iterator[Comparison]:
    """The size of each index beside the table, and its recall. The table's own index is there already."""
    connection.execute("set hnsw.ef_search = 100")
    questions = [Vector(question) for question in rows.questions["alike"]]
    truth = [_distances(connection, "(embedding <=> %(embedding)s) + 0", question) for question in questions]
    for name, indexed, operators, operator in _INDEXES:
        if name != "vector(1536)":
            connection.execute(f"create index small on memories using hnsw ({indexed.format('embedding')} {operators})")
        index = "ix_memories_embedding" if name == "vector(1536)" else "small"
        sizes = connection.execute("select pg_relation_size(%s), pg_table_size('memories')", [index]).fetchone()
        assert sizes is not None
        order = f"{indexed.format('embedding')} {operator} {indexed.format('%(embedding)s')}"
        found = [_distances(connection, order, question) for question in questions]
        yield Comparison(f"HNSW of {name}: size / table", sizes[0], sizes[1], None)
        right = sum(distance <= true[-1] + 1e-6 for true, some in zip(truth, found, strict=True) for distance in some)
        yield Comparison(f"HNSW of {name}: recall@10 of all", right / len(truth), DEPTHS["alike"], None)
        connection.execute("drop index if exists small")


def _distances(connection: Connection, order: LiteralString, question: Vector) -> list[float]:
    statement: LiteralString = f"""
        with near as materialized (select embedding from memories order by {order} limit 100)
        select embedding <=> %(embedding)s as distance from near order by distance limit %(k)s
    """
    return Search(connection, statement).run(question, user(0), DEPTHS["alike"])[1]

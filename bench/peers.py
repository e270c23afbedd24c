"""Other systems' tables and searches, as their sources make them, filled with the same rows.

Statements are taken from mem0ai 2.2.1, langchain-postgres 0.0.19, vecs 0.4.5 and llama-index-vector-stores-postgres
0.9.0, with the indexes that their documentation has one create. They are run as prepared statements, without the
libraries, so what is measured is the least that they can take. None of the packages is needed: mem0 would not run
without a language model, and all four would first have to be given texts.
"""

from dataclasses import dataclass
from typing import LiteralString

from memdb.database import Connection

_HNSW = "with (m = 16, ef_construction = 64)"


@dataclass(frozen=True, slots=True)
class Peer:
    """`search` has the parameters embedding, user and k; `settings` are made for each session."""

    name: str
    create: tuple[LiteralString, ...]
    search: LiteralString
    settings: LiteralString = "select 1"


PEERS = (
    Peer(
        "mem0",
        (
            "create table peers.mem0 (id uuid primary key, vector vector(1536), payload jsonb)",
            """
            insert into peers.mem0
            select id, embedding, metadata || jsonb_build_object(
                'data', content, 'hash', md5(content), 'user_id', user_id, 'created_at', created_at
            )
            from memories
            """,
            "create index mem0_hnsw_idx on peers.mem0 using hnsw (vector vector_cosine_ops)",
            "create index on peers.mem0 using gin (to_tsvector('simple', payload ->> 'text_lemmatized'))",
        ),
        """
        select id, vector <=> %(embedding)s::vector as distance, payload
        from peers.mem0
        where payload ->> 'user_id' = %(user)s::text
        order by distance
        limit %(k)s
        """,
    ),
    Peer(
        "langchain-postgres",
        (
            """
            create table peers.langchain_pg_collection (
                uuid uuid primary key, name varchar not null unique, cmetadata json
            )
            """,
            """
            insert into peers.langchain_pg_collection
            values ('00000000-0000-0000-0000-000000000001', 'memories', '{}')
            """,
            """
            create table peers.langchain_pg_embedding (
                id varchar primary key,
                collection_id uuid references peers.langchain_pg_collection (uuid) on delete cascade,
                embedding vector(1536),
                document varchar,
                cmetadata jsonb
            )
            """,
            """
            insert into peers.langchain_pg_embedding
            select id, '00000000-0000-0000-0000-000000000001', embedding, content,
                metadata || jsonb_build_object('user_id', user_id)
            from memories
            """,
            "create index ix_cmetadata_gin on peers.langchain_pg_embedding using gin (cmetadata jsonb_path_ops)",
        ),
        """
        select
            e.id, e.collection_id, e.embedding, e.document, e.cmetadata,
            e.embedding <=> %(embedding)s::vector as distance
        from peers.langchain_pg_embedding as e
        inner join peers.langchain_pg_collection as c on e.collection_id = c.uuid
        where
            e.collection_id = '00000000-0000-0000-0000-000000000001'
            and jsonb_path_match(
                e.cmetadata, '$.user_id == $value'::jsonpath, jsonb_build_object('value', %(user)s::text)
            )
        order by distance asc
        limit %(k)s
        """,
    ),
    Peer(
        "vecs",
        (
            "create table peers.docs (id varchar primary key, vec vector(1536) not null, metadata jsonb not null)",
            """
            insert into peers.docs
            select id, embedding, metadata || jsonb_build_object('user_id', user_id, 'content', content)
            from memories
            """,
            "create index ix_meta on peers.docs using gin (metadata jsonb_path_ops)",
            f"create index ix_vector_cosine_ops on peers.docs using hnsw (vec vector_cosine_ops) {_HNSW}",
        ),
        """
        select id, vec <=> %(embedding)s::vector as distance, metadata
        from peers.docs
        where metadata -> 'user_id' = to_jsonb(%(user)s::text)
        order by vec <=> %(embedding)s::vector
        limit %(k)s
        """,
        "set hnsw.ef_search = 40; set ivfflat.probes = 10",
    ),
    Peer(
        "LlamaIndex",
        (
            """
            create table peers.data_memories (
                id bigserial primary key, text varchar not null, metadata_ json, node_id varchar, embedding vector(1536)
            )
            """,
            """
            insert into peers.data_memories (text, metadata_, node_id, embedding)
            select content, metadata || jsonb_build_object('user_id', user_id, 'ref_doc_id', id), id, embedding
            from memories
            """,
            "create index memories_idx_1 on peers.data_memories ((metadata_ ->> 'ref_doc_id'))",
            f"create index on peers.data_memories using hnsw (embedding vector_cosine_ops) {_HNSW}",
        ),
        """
        select id, node_id, text, metadata_, embedding <=> %(embedding)s::vector as distance
        from peers.data_memories
        where metadata_ ->> 'user_id' = %(user)s::text
        order by distance asc
        limit %(k)s
        """,
        "set hnsw.ef_search = 40; set enable_bitmapscan = off",
    ),
)


def create(connection: Connection) -> None:
    """Makes and fills all of them in a schema of their own, beside `memories`."""
    connection.execute("create schema peers")
    for peer in PEERS:
        for statement in peer.create:
            connection.execute(statement)
    connection.execute("vacuum analyze")

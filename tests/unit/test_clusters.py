"""What can be told of a Citus cluster without one: its errors, what it refuses, the names and plans of shards."""

import psycopg
import pytest
from psycopg.pq import DiagnosticField as Field

from memdb.addresses import refusals, workers
from memdb.benchmark import explain
from memdb.distribution.shards import Parts, Shard, ShardIndex
from memdb.errors import DatabaseError, WorkerLost
from memdb.migrations import shard_rules

COPIED, ASKED = "ReportCopyError", "ReportResultError"
"""The functions of Citus by which errors of rows that are copied, and of statements, are handed on."""


def handed_on(code: str, message: str, detail: str = "", context: str = "", by: str = COPIED) -> psycopg.Error:
    """An error as the coordinator hands it on."""
    fields = {
        Field.SQLSTATE: code,
        Field.MESSAGE_PRIMARY: message,
        Field.MESSAGE_DETAIL: detail,
        Field.CONTEXT: context,
        Field.SOURCE_FUNCTION: by,
    }
    info: dict[int, bytes | None] = {field: (fields.get(field) or "").encode() or None for field in Field}
    return psycopg.DatabaseError(message, info=info)


@pytest.mark.parametrize(
    ("message", "kind", "names"),
    [
        ('duplicate key value violates unique constraint "memories_pkey_102016"', psycopg.errors.UniqueViolation,
         ("memories_pkey", None, None)),
        ('insert or update on table "memories_102018" violates foreign key constraint "memories_user_id_fkey_102018"',
         psycopg.errors.ForeignKeyViolation, ("memories_user_id_fkey", "memories", None)),
        ('null value in column "content" of relation "memories_102016" violates not-null constraint',
         psycopg.errors.NotNullViolation, (None, "memories", "content")),
        ('new row for relation "memories_102016" violates check constraint "short_102016"',
         psycopg.errors.CheckViolation, ("short", "memories", None)),
    ],
)  # fmt: skip
def test_an_error_of_a_shard_is_that_of_its_table(
    message: str, kind: type[psycopg.Error], names: tuple[str | None, str | None, str | None]
) -> None:
    error = workers.as_on_one_server(handed_on("XX000", message, 'Key (id)=(1) is not in "users_102010".'))
    assert type(error) is kind
    assert (error.diag.constraint_name, error.diag.table_name, error.diag.column_name) == names
    assert error.diag.message_detail == 'Key (id)=(1) is not in "users".'
    assert "_1020" not in str(error)


def test_an_error_of_the_server_itself_stays_as_it_is() -> None:
    error = handed_on("23505", 'duplicate key value violates unique constraint "of_102016"', by="_bt_check_unique")
    assert workers.as_on_one_server(error) is error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (handed_on("08006", "connection to the remote node app@10.0.0.2:5432 failed with the following error: refused"),
         "the worker 10.0.0.2:5432 of this cluster cannot be reached: refused"),
        (handed_on("58030", "failed to complete COPY on 10.0.0.2:5432", "server closed the connection unexpectedly"),
         "the worker 10.0.0.2:5432 of this cluster cannot be reached: server closed the connection unexpectedly"),
        (handed_on("57P01", "terminating connection due to administrator command", "",
                   "while executing command on 10.0.0.2:5432", ASKED),
         "the worker 10.0.0.2:5432 of this cluster cannot be reached: terminating connection due to administrator"),
        (handed_on("XX000", "SSL SYSCALL error: EOF detected", "", "while executing command on 10.0.0.2:5432", ASKED),
         "the worker 10.0.0.2:5432 of this cluster cannot be reached: SSL SYSCALL error"),
        (handed_on("XX000", "terminating connection due to administrator command"),
         "a worker of this cluster cannot be reached: terminating connection"),
    ],
)  # fmt: skip
def test_a_worker_that_is_gone_is_named(error: psycopg.Error, said: str) -> None:
    with pytest.raises(WorkerLost) as lost, refusals.translated_errors():
        raise error
    assert lost.value.message.startswith(said)
    assert "Start the worker" in lost.value.hint


def test_what_a_worker_refuses_is_no_lost_worker() -> None:
    with pytest.raises(DatabaseError, match="division by zero"), refusals.translated_errors():
        raise handed_on(
            "22012", "division by zero", "", "while executing command on 10.0.0.2:5432", "ReportResultError"
        )


def test_an_index_of_a_shard_is_known_by_the_name_of_the_tables() -> None:
    index = "ix_memories_with_a_name_that_is_nearly_as_long_as_names_can_be"
    cut = f"{index[:46]}_0a1b2c3d_102008"
    assert ShardIndex("ix_a_102008", True, 1, 1.0, 1).is_of("ix_a")
    assert not ShardIndex("ix_a_102008", True, 1, 1.0, 1).is_of("ix_ab")
    assert ShardIndex(cut, True, 1, 1.0, 1).is_of(index)
    assert not ShardIndex(cut, True, 1, 1.0, 1).is_of("ix_memories_embedding")


def test_figures_of_shards_are_summed_and_unknown_where_none_knows() -> None:
    index = ShardIndex("ix_a_102008", True, 100, 10.0, 3)
    known, unknown = Shard(8, 4, 10.0, 1, 1, 5, 0, 2, (index,)), Shard(8, 4, -1.0, 0, 0, 0, 0, 0, ())
    assert Parts((known, unknown), ()).sum("rows") == 10
    assert Parts((unknown, unknown), ()).sum("rows") == -1
    assert Parts((known, unknown), ()).sum_of_index("ix_a", "bytes") == 100


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ('alter table app."Memories" add constraint k primary key (id)', []),
        ("alter table memories add constraint k unique (content)", ["a key of memories"]),
        ("alter table memories add column a text unique; select 1", ["a key of memories"]),
        ("alter table memories add constraint k primary key using index i", []),
        ("create table n (m uuid references app.memories (id))", ["a foreign key to memories"]),
        ("create index i on memories (id); create unique index j on only memories using btree (lower(content))",
         ["a unique index on memories"]),
        ("create trigger t after insert on other for each row execute function f()", []),
        ("create function f() returns bigint begin atomic select count(*) from a join memories using (b); end",
         ["Citus cannot alter memories"]),
    ],
)  # fmt: skip
def test_what_citus_refuses_is_told_of_tables_that_are_spread(sql: str, found: list[str]) -> None:
    refused = shard_rules.refusals(sql, {"memories": "user_id"})
    assert [refusal.message.split(",")[0] for refusal in refused] == found
    assert not list(shard_rules.refusals(sql, {}))


def test_a_plan_is_that_of_the_shard_and_says_how_many_were_read() -> None:
    remote = {"Node Type": "Index Scan", "Index Name": "ix_e_102016", "Order By": "(a <=> b)"}
    job = {"Task Count": 1, "Tasks": [{"Remote Plan": [[{"Plan": {"Node Type": "Limit", "Plans": [remote]}}]]}]}
    root = {"Node Type": "Custom Scan", "Distributed Query": {"Job": job}}
    assert explain._way(root, {"ix_e": "hnsw"}) == ("ix_e (hnsw), on 1 shard", False)

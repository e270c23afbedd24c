"""What others do between the question, the trial and the rollback itself is not lost unasked."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest

from memdb import database, migrations, preview
from memdb.database import Connection
from memdb.errors import HistoryError
from memdb.ledger.plan import Rollback
from memdb.migrations.losses import Agreement, Loss, WouldLose
from tests.integration.conftest import Folder


@pytest.mark.parametrize("sql", ["drop table a;", "delete from a;", "alter table a drop column id;"])
def test_rows_that_came_after_the_question_are_not_lost_unasked(
    empty_connection: Connection, folder: Folder, sql: str
) -> None:
    sets = folder(m0001_a=("create table a (id int); insert into a values (1);", sql))
    migrations.migrate(empty_connection, sets)
    with pytest.raises(WouldLose) as raised:
        migrations.rollback(empty_connection, sets, agreement=Agreement())
    empty_connection.execute("insert into a values (2)")
    with pytest.raises(WouldLose, match="more than was agreed to") as again:
        migrations.rollback(empty_connection, sets, agreement=Agreement(raised.value.steps, raised.value.losses))
    assert again.value.losses[0].count == 2
    assert empty_connection.execute("select count(id) from a").fetchone() == (2,)


def test_another_plan_than_the_one_that_was_shown_is_not_run(empty_connection: Connection, folder: Folder) -> None:
    table = ("create table a (id int); insert into a values (1);", "drop table a;")
    migrations.migrate(empty_connection, folder(m0001_a=table))
    with pytest.raises(WouldLose) as raised:
        migrations.rollback(empty_connection, folder(), agreement=Agreement())
    sets = folder(m0002_b=("create table b ();", "drop table b;"))
    migrations.migrate(empty_connection, sets)
    with pytest.raises(HistoryError, match="has changed since it was shown: 0002_b now, 0001_a then"):
        migrations.rollback(empty_connection, sets, agreement=Agreement(raised.value.steps, raised.value.losses))


def test_what_others_commit_before_the_lock_is_granted_is_seen(
    empty: str, empty_connection: Connection, folder: Folder
) -> None:
    """Whatever the default isolation of the database, and for what is deleted as for what is dropped."""
    empty_connection.execute(
        f"alter database {empty_connection.info.dbname} set default_transaction_isolation = 'repeatable read'"
    )
    sets = folder(m0001_a=("create table a (id int);", "delete from a; drop table a;"))
    late = Event()
    with (
        database.connect(empty, purpose="test") as connection,
        psycopg.connect(empty) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        migrations.migrate(connection, sets)
        other.execute("insert into a values (1), (2)")

        def commit(_: str) -> None:
            late.set()
            other.commit()

        hooks = migrations.Hooks(on_wait=commit)
        run = pool.submit(migrations.rollback, connection, sets, agreement=Agreement(), hooks=hooks)
        with pytest.raises(WouldLose) as raised:
            run.result()
    assert late.is_set()
    assert ("table", "public.a", 2) in [(loss.kind, loss.object, loss.count) for loss in raised.value.losses]
    assert empty_connection.execute("select count(*) from a").fetchone() == (2,)


def test_a_rollback_that_does_more_than_its_trial_is_tried_again(empty_connection: Connection, folder: Folder) -> None:
    """As when others commit rows between the two: here the file does it itself, by counting how often it ran."""
    rollback = "do $$ begin if nextval('public.times') = 2 then delete from public.a; end if; end $$;"
    sets = folder(m0001_a=("create sequence times; create table a as select 1 as id;", rollback))
    migrations.migrate(empty_connection, sets)
    migrations.rollback(empty_connection, sets, agreement=Agreement())
    assert empty_connection.execute("select last_value from times").fetchone() == (4,)
    assert empty_connection.execute("select count(*) from a").fetchone() == (1,)


@pytest.mark.usefixtures("ready_server")
@pytest.mark.parametrize("gone", ["drop table a", "drop schema app cascade", "alter table a drop column b"])
def test_a_dry_run_knows_nothing_of_what_somebody_has_dropped(
    empty_connection: Connection, folder: Folder, gone: str
) -> None:
    made = "create schema app; create table app.t (a int); create table a (b int);"
    undo = "alter table if exists a drop column if exists b; drop table if exists app.t;"
    sets = folder(m0001_a=(made, undo))
    migrations.migrate(empty_connection, sets)
    empty_connection.execute(gone)
    shown = preview.dry_run(empty_connection, sets, Rollback(None)).losses
    assert shown == (Loss("0001_a", "unknown", "0001_a.rollback.sql", None),)

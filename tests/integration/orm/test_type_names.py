"""The types of SQLAlchemy, named as the server names them."""

from typing import Any

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import BIT, HALFVEC, SPARSEVEC, VECTOR
from sqlalchemy.dialects import postgresql as pg

from memdb import catalog
from memdb.catalog import Key
from memdb.database import Connection
from memdb.verification.typenames import type_name


class Decorated(sa.TypeDecorator[str]):
    impl = sa.String(20)
    cache_ok = True


TYPES: list[Any] = [
    sa.String(), sa.String(50), sa.String(50, collation="C"), sa.Text(), sa.Text(collation="C"), sa.Unicode(5),
    sa.CHAR(), sa.CHAR(3), sa.NCHAR(4), sa.VARCHAR(7), sa.Integer(), sa.SmallInteger(), sa.BigInteger(), sa.Numeric(),
    sa.Numeric(10), sa.Numeric(10, 2), sa.DECIMAL(5, 1), sa.Float(), sa.Float(10), sa.Float(53), sa.REAL(),
    sa.Double(), sa.Boolean(), sa.Date(), sa.DateTime(), sa.DateTime(timezone=True), sa.Time(),
    sa.Time(timezone=True), pg.TIMESTAMP(precision=3), pg.TIMESTAMP(timezone=True, precision=3),
    pg.TIME(precision=2, timezone=True), sa.Interval(), pg.INTERVAL(precision=3),
    pg.INTERVAL(fields="DAY TO SECOND", precision=3), sa.LargeBinary(), sa.PickleType(), sa.JSON(), pg.JSONB(),
    sa.Uuid(), sa.Uuid(native_uuid=False), pg.INET(), pg.CIDR(), pg.MACADDR(), pg.MONEY(), pg.OID(), pg.REGCLASS(),
    pg.BIT(4), pg.BIT(4, varying=True), pg.TSVECTOR(), pg.INT4RANGE(), pg.TSTZRANGE(), pg.DATEMULTIRANGE(),
    pg.ARRAY(sa.Text), pg.ARRAY(sa.String(5)), pg.ARRAY(sa.Integer, dimensions=2), pg.ARRAY(sa.Numeric(5, 2)),
    pg.ARRAY(sa.Float()), pg.ARRAY(pg.TIMESTAMP(timezone=True, precision=3)), pg.ARRAY(VECTOR(3)),
    pg.ENUM("calm", name="mood"), pg.ENUM("calm", name="Odd (Mood)"), pg.ARRAY(pg.ENUM("calm", name="mood")),
    pg.ENUM("calm", name="mood", schema="public"), pg.ENUM("low", name="level", schema="audit"),
    sa.Enum("a", "b", native_enum=False), pg.DOMAIN("short", sa.Text), pg.DOMAIN("Odd Short", sa.Text), Decorated(),
    VECTOR(3), VECTOR(), HALFVEC(3), SPARSEVEC(5), BIT(3), sa.String().with_variant(sa.Text(), "postgresql"),
]  # fmt: skip

NAMED = """
create schema audit;
create type mood as enum ('calm');
create type "Odd (Mood)" as enum ('calm');
create type audit.level as enum ('low');
create domain short as text;
create domain "Odd Short" as text
"""


@pytest.fixture
def with_named_types(connection: Connection) -> Connection:
    connection.execute(NAMED)
    return connection


def test_types_are_named_as_the_server_names_them(with_named_types: Connection) -> None:
    columns = ", ".join(
        f"c{number} {type.compile(dialect=pg.dialect())}"  # type: ignore[no-untyped-call]
        for number, type in enumerate(TYPES)
    )
    with_named_types.execute(f"create table everything ({columns})".encode())
    objects = catalog.read(with_named_types, "public", only=[Key("table", "everything")]).objects
    made = {type: Key("column", f"c{number}", "everything") for number, type in enumerate(TYPES)}
    found = {repr(type): objects[key]["type"] for type, key in made.items()}
    assert {repr(type): type_name(type) for type in TYPES} == found

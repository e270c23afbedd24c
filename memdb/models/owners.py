"""Whose memories are: the key of memories and collections follows the class that an application has for its users.

Its table may have any name, be in any schema, and have a key of any name and of the types that memdb.shape knows. The
classes may be made in any order: the second of two finds the first.
"""

from dataclasses import replace
from typing import Any, cast, get_args, get_origin

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, String, Table, Text, Uuid, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapper
from sqlalchemy.types import NullType, TypeEngine

from memdb.errors import UsageError
from memdb.shape import DEFAULT, USER_TYPES, Shape, Users, user_type

_TYPES: dict[str, type[TypeEngine[Any]]] = {"uuid": Uuid, "bigint": BigInteger, "integer": Integer, "text": Text}
_SHAPE = "memdb: the shape of memories"
"""In the info of a table."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_quote = _DIALECT.identifier_preparer.quote


def shape_of(model: Any) -> Shape:
    """What a class made of the mixins says of whose memories are, and of their embeddings."""
    return _shape(model.__table__)


def describe(table: Table, shape: Shape) -> None:
    """Has `shape_of` say so, and also of which type a user_id is that the application has made a foreign key itself."""
    own = table.c.get("user_id")
    if own is not None and own.foreign_keys:
        shape = replace(shape, users=Users(key_type=_type_of(own.type, f"{table.fullname}.user_id")))
    table.info[_SHAPE] = shape


def _shape(table: Table) -> Shape:
    return cast("Shape", table.info[_SHAPE])


def listen(users: type, *owned: type) -> None:
    """Has the tables of classes made of the mixins `owned` refer to that of a class made of `users`."""

    def relate(mapper: Mapper[Any], _: type) -> None:
        mappers = [it for it in mapper.registry.mappers if isinstance(it.local_table, Table)]
        for owner in (it for it in mappers if _is_first(it, users)):
            for other in (it for it in mappers if any(_is_first(it, mixin) for mixin in owned)):
                _refer(cast("Table", other.local_table), cast("Table", owner.local_table))
                _expect_parameter(other.class_, owned, _shape(cast("Table", other.local_table)).users)

    for mixin in (users, *owned):
        event.listen(mixin, "after_mapper_constructed", relate, propagate=True)


def _is_first(mapper: Mapper[Any], mixin: type) -> bool:
    """Whether the mixin comes in with this class, and not with one that it inherits from."""
    inherited = mapper.inherits is not None and issubclass(mapper.inherits.class_, mixin)
    return issubclass(mapper.class_, mixin) and not inherited


def _refer(table: Table, users: Table) -> None:
    """Adds the foreign key, unless the application has one of its own there."""
    column = table.c.user_id
    if column.foreign_keys:
        return
    key = _key(users)
    place = ".".join(_quote(name) for name in (users.schema, users.name) if name)
    owner = Users(place, _quote(key.name), _type_of(key.type, f"{users.fullname}.{key.name}"))
    table.info[_SHAPE] = replace(_shape(table), users=owner)
    column.type = _column_type(owner)
    name = f"{table.name}_user_id_fkey"
    table.append_constraint(ForeignKeyConstraint([column], [key], name=name, ondelete="CASCADE"))


def _expect_parameter(owned: type, mixins: tuple[type, ...], users: Users) -> None:
    """Raises UsageError for MemoryMixin[UUID] where the key of users is an int: type checkers would believe it."""
    for base in (base for cls in owned.__mro__ for base in vars(cls).get("__orig_bases__", ())):
        mixin = next((mixin for mixin in mixins if mixin is get_origin(base)), None)
        said: Any = next(iter(get_args(base)), None)
        if mixin is not None and said in USER_TYPES.values() and said is not users.python_type:
            name, right = mixin.__name__, users.python_type.__name__
            raise UsageError(
                f"{owned.__name__} is a {name}[{said.__name__}], and the key of its users is {users.key_type}",
                hint=f"Write {name}[{right}].",
            )


def _key(users: Table) -> Column[Any]:
    """The column `id`, as memdb has always had it, whatever the primary key is; where there is none, that."""
    if "id" in users.c:
        return users.c.id
    if len(users.primary_key) != 1:
        raise UsageError(
            f"memories refer to one column, and the primary key of {users.fullname} has {len(users.primary_key)}",
            hint="Give the classes of memories and collections a user_id with a ForeignKey of your own.",
        )
    (key,) = users.primary_key
    return key


def _column_type(users: Users) -> TypeEngine[Any]:
    return String(users.longest) if users.key_type.startswith("varchar") else _TYPES[users.key_type]()


def _type_of(type: TypeEngine[Any], column: str) -> str:
    """As SQL has it, whatever an application makes of it in Python."""
    if isinstance(type, NullType):  # it refers to something that is not there yet
        return DEFAULT.users.key_type
    written = type.compile(dialect=_DIALECT).partition(" COLLATE ")[0]
    try:
        return user_type(written)
    except UsageError as error:
        raise UsageError(f"memories cannot refer to {column}: {error.message}", hint=error.hint) from None

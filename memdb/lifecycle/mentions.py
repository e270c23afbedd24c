"""Rows of a user that the archive keeps beside memories of others, such as a comment: they are a user's, too."""

import json
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from memdb.errors import DatabaseError
from memdb.lifecycle.belongings import CASCADE, Holder, Reference
from memdb.lifecycle.surveying import Survey
from memdb.words import count

_ARCHIVE = "memory_archive"


@dataclass(frozen=True, slots=True)
class Mentions:
    """Asked while the rows are there to which those in the archive refer.

    `place` is the archive, None where there is none. `given` are the parameters of what is asked of it: by which column
    of which table rows refer to what goes, and to which keys; and the tables whose user_id is no user's.
    """

    survey: Survey
    place: str | None
    given: dict[str, object] = field(default_factory=dict)

    def count(self) -> dict[str, int]:
        """How many archived memories of others have some, by what has them; nothing where none has."""
        return self._told(int(self.survey.connection.value(*self._asked("mentioned")))) if self.place else {}

    def take_out(self) -> dict[str, int]:
        """Deletes them, and returns the same of what it has changed."""
        return self._told(self.survey.connection.execute(*self._asked("take_out")).rowcount) if self.place else {}

    def require_none(self) -> None:
        """Raises DatabaseError where some are left."""
        for name, rows in self.count().items():
            raise DatabaseError(
                f"{count(rows, 'row')} of {name} would still have rows of user {self.survey.user}, so nothing was "
                "deleted",
                hint="A trigger or a rule keeps them. Look at those of the table.",
            )

    def _asked(self, block: str) -> tuple[bytes, dict[str, object]]:
        return self.survey.found.target.query("forgetting", block).encode(), self.given

    def _told(self, rows: int) -> dict[str, int]:
        return {f"{self.place}.beside": rows} if rows else {}


def find(survey: Survey, *, and_user: bool) -> Mentions:
    """Of the application's tables only what goes along, as of the tables themselves."""
    holders = survey.found.holders.values()
    place = next((str(holder) for holder in holders if holder.is_own and holder.name == _ARCHIVE), None)
    if place is None:
        return Mentions(survey, None)
    referring = [_keys(survey, each) for each in survey.found.references if _goes_along(survey, each)]
    given: dict[str, object] = {
        "user": survey.user,
        "prefix": "" if and_user else "memory_",
        "referring": json.dumps(referring),
        "others": [_beginning(survey, holder) for holder in holders if holder.names_others],
    }
    return Mentions(survey, place, given)


def _goes_along(survey: Survey, reference: Reference) -> bool:
    """Whether rows that are kept beside memories would go because of this."""
    found = survey.found
    is_kept = any(
        each.holder == reference.holder and each.target == found.target.memories and each.on_delete == CASCADE
        for each in found.references
    )
    # The archive keeps a key of several columns without that of the user, whose rows are beside their own memories.
    is_one = is_kept and reference.on_delete == CASCADE and len(reference.columns) == 1
    if reference.target == found.users.oid:
        return is_one and (reference.target in survey.going or found.names_user(reference))
    is_read = reference.target in survey.going and reference.target in survey.seen
    return is_one and is_read and reference.target != found.target.memories


def _keys(survey: Survey, reference: Reference) -> dict[str, Any]:
    """By which column of which table, and to which keys, as an object."""
    found = survey.found
    if found.refers_to_key(reference):
        keys = [str(survey.user)]
    else:
        meant = found.user if reference.target == found.users.oid else survey.going
        holder = found.holders[reference.target]
        statement = sql.SQL("select {}::text from {} where {}").format(
            holder.column(reference.target_columns[0]), holder.identifier, meant[reference.target]
        )
        keys = [key for (key,) in survey.connection.execute(statement, {"user": survey.user})]
    place = _beginning(survey, found.holders[reference.holder])
    return {"place": place, "name": reference.columns[0], "keys": dict.fromkeys(keys)}


def _beginning(survey: Survey, holder: Holder) -> str:
    """Of the keys that the archive has for rows of a table."""
    elsewhere = [holder.schema] if holder.schema != survey.found.target.schema else []
    return ".".join([*elsewhere, holder.name, ""])

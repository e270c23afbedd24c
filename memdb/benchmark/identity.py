"""Searching as another role, as an application behind row-level security does."""

import json
from dataclasses import dataclass

from psycopg import sql

from memdb import distribution
from memdb.benchmark.sampling import Query
from memdb.database import Connection

CLAIMS = "request.jwt.claims"


@dataclass(frozen=True, slots=True)
class Identity:
    """A role, and the setting in which its policies look for the user.

    `request.jwt.claims`, which Supabase's auth.uid() reads, gets an object with `sub`; any other the bare id.
    """

    role: str
    setting: str = CLAIMS

    def check(self, connection: Connection) -> None:
        """Tries it, before much time is spent. The server's refusal is raised as for any other statement."""
        with connection.transaction(force_rollback=True):
            self.assume(connection)
            connection.execute("select set_config(%s, '', true)", [self.setting])

    def assume(self, connection: Connection) -> None:
        """Becomes the role until the transaction, or the savepoint, ends."""
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(self.role)))

    def value(self, question: Query) -> str:
        """What the setting says while this question is asked."""
        user = str(question.user_id)
        return json.dumps({"sub": user, "role": self.role}) if self.setting.endswith(".claims") else user

    def speak_for(self, connection: Connection, question: Query) -> None:
        """Makes the policies see the user of a question."""
        connection.execute("select set_config(%s, %s, true)", [self.setting, self.value(question)])
        distribution.reach_workers(connection, {self.setting: self.value(question)})

"""The options of migrate and rollback for what is reviewed first and run later."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from memdb import output
from memdb.door import Database
from memdb.errors import MigrationError, UsageError
from memdb.ledger.plan import Direction, Request
from memdb.migrations import saved_plan
from memdb.migrations.saved_plan import SavedPlan


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reviewing:
    """What is only shown, kept, or run as it was kept."""

    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the SQL that would run and the locks it takes; run nothing.")
    ] = False
    save_plan: Annotated[
        Path | None,
        typer.Option(
            help="With --dry-run: save the plan in this file, to review it and run it with --plan.", metavar="FILE"
        ),
    ] = None
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            help="Run exactly the plan in this file. If anything has changed since, say what, and run nothing.",
            metavar="FILE",
        ),
    ] = None

    def plan_to_run(self, command: Direction, answered: dict[str, bool]) -> SavedPlan | None:
        """The plan that is to be run, where one is given.

        `answered` says of the options that a plan answers whether they are given as well. Raises UsageError for what
        does not go together, and what saved_plan.read raises.
        """
        if self.save_plan is not None and not self.dry_run and self.plan is None:
            raise UsageError(
                "--save-plan needs --dry-run",
                hint=f"Save the plan: memdb {command} --dry-run --save-plan FILE; review it, then run it: memdb "
                f"{command} --plan FILE",
            )
        if self.plan is None:
            return None
        for option, given in (
            answered | {"--dry-run": self.dry_run, "--save-plan": self.save_plan is not None}
        ).items():
            if given:
                raise UsageError(
                    f"--plan and {option} cannot be combined: the plan already says what to run",
                    hint=f"Give only --plan, or make another plan: memdb {command} … --dry-run --save-plan FILE",
                )
        return saved_plan.read(self.plan, command)

    def show(self, db: Database, request: Request, format: str, wait_seconds: float) -> int:
        """Shows what would run, and keeps it in a file where that is asked for.

        The exit code is that of a run that stops, where it is foreseen to.
        """
        result = db.plan(request, save_as=self.save_plan, wait_seconds=wait_seconds)
        output.emit(result, format, address=db.address, label="-- Database")
        return MigrationError.exit_code if result.refusals else 0

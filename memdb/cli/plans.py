"""The options of migrate and rollback for what is reviewed first and run later."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.ledger.plan import Direction
    from memdb.migrations.saved_plan import SavedPlan

SavePlan = Annotated[
    Path | None,
    typer.Option(
        help="With --dry-run: keep what was shown in this file, to be reviewed and run with --plan.",
        metavar="FILE",
        show_default=False,
    ),
]
PlanFile = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        help="Run exactly what a dry run has saved in this file; where anything has changed since, say what, and run "
        "nothing.",
        metavar="FILE",
        show_default=False,
    ),
]


def chosen(
    command: "Direction", plan: Path | None, *, dry_run: bool, save_plan: Path | None, answered: dict[str, bool]
) -> "SavedPlan | None":
    """The plan that is to be run, where one is given.

    `answered` says of the options that a plan answers whether they are given as well. Raises UsageError for what does
    not go together, and what saved_plan.read raises.
    """
    if save_plan is not None and not dry_run and plan is None:
        raise UsageError(
            "--save-plan keeps what --dry-run shows",
            hint=f"Review first: memdb {command} --dry-run --save-plan FILE; then run it: memdb {command} --plan FILE",
        )
    if plan is None:
        return None
    for option, given in (answered | {"--dry-run": dry_run, "--save-plan": save_plan is not None}).items():
        if given:
            raise UsageError(
                f"--plan and {option} exclude each other: what runs is in the plan",
                hint=f"Give --plan alone; or make another plan: memdb {command} … --dry-run --save-plan FILE",
            )
    from memdb.migrations import saved_plan

    return saved_plan.read(plan, command)

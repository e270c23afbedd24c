"""Checks of what vacuum and analyze keep in order."""

from collections.abc import Iterator

from memdb.doctor.checks import Check, about
from memdb.doctor.findings import Finding
from memdb.doctor.patient import Patient

_DEAD = 0.2
_VISIBLE = 0.8
_PAGES = 100  # below that, it makes no difference
_ROWS = 1000


def _dead_rows(patient: Patient) -> Iterator[Finding]:
    for table in patient.with_rows_of_users:
        rows = max(table.live + table.dead, table.rows)  # a crash, or a copy as template, loses what is counted live
        if table.dead > max(_ROWS, _DEAD * rows):
            never = " Autovacuum is switched off for this table." if table.is_never_vacuumed else ""
            yield Finding(
                "warning",
                f"{about(table.dead)} of {about(rows)} rows are dead",
                table.name,
                f"Every search reads past them.{never} If they stay after a vacuum, an old transaction or a "
                "replication slot still needs them (pg_stat_activity.backend_xmin, pg_replication_slots).",
                "Vacuum; reads and writes go on meanwhile.",
                f"vacuum (analyze) {table.name};",
            )


def _visibility(patient: Patient) -> Iterator[Finding]:
    for table in patient.with_rows_of_users:
        if table.pages >= _PAGES and table.visible_pages < _VISIBLE * table.pages:
            yield Finding(
                "warning",
                f"only {table.visible_pages / table.pages:.0%} of the pages are known to be visible to all",
                table.name,
                "An index alone cannot answer for the others, so searches read the table for each row they weigh: 18 "
                "times as long was seen.",
                "Vacuum, also after each large load; reads and writes go on meanwhile.",
                f"vacuum {table.name};",
            )


def _statistics(patient: Patient) -> Iterator[Finding]:
    for table in patient.with_rows_of_users:
        if table.rows < 0 and table.live > _ROWS:
            yield Finding(
                "warning",
                "the planner knows nothing of the rows",
                table.name,
                "The table was never analysed, so the planner guesses, and may choose an index that loses rows.",
                "Analyse it; reads and writes go on meanwhile.",
                f"analyze {table.name};",
            )


CHECKS = (
    Check("dead-rows", "more than a fifth of the rows are dead", _dead_rows),
    Check("visibility-map", "pages are not known to be visible, which makes searches slow", _visibility),
    Check("statistics", "a table with rows was never analysed", _statistics),
)

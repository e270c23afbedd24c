"""Releases of PostgreSQL and pgvector with faults that matter to memories, by name.

From https://www.postgresql.org/support/security/, the release notes of both, and
https://github.com/pgvector/pgvector/blob/master/CHANGELOG.md.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Component = Literal["PostgreSQL", "pgvector"]
Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Advisory:
    """A fault of the releases before those in `fixed`, one for each series, but for those before `since`.

    A series is a major version of PostgreSQL; pgvector has one. One that is not named is not known to be affected.
    `corrupts`: it spoils what is stored; else it lets a role do or see what it may not.
    """

    name: str
    component: Component
    what: str
    fixed: tuple[str, ...]
    since: str = "0"
    corrupts: bool = False

    def fixed_in(self, version: str) -> str | None:
        """The release to go to; None where this one is not affected."""
        ours = numbers(version)
        for text in self.fixed:
            fixed = numbers(text)
            if (self.component == "pgvector" or fixed[0] == ours[0]) and numbers(self.since) <= ours < fixed:
                return text
        return None


def numbers(version: str) -> Version:
    """`18.4` as (18, 4); what a packager adds behind a blank does not count."""
    return tuple(map(int, re.findall(r"\d+", version.split(" ")[0])))


ADVISORIES: Final = (
    Advisory(
        "CVE-2026-120141",
        "PostgreSQL",
        "whoever may query can run programs on the server",
        ("18.7", "17.12", "16.16", "15.20", "14.25"),
    ),
    Advisory(
        "CVE-2026-6460",
        "PostgreSQL",
        "whoever may create a table can run programs on the server",
        ("18.7", "17.12", "16.16", "15.20", "14.25"),
    ),
    Advisory(
        "CVE-2026-120154",
        "PostgreSQL",
        "INSERT … ON CONFLICT reads rows that policies hide",
        ("18.7", "17.12", "16.16", "15.20", "14.25"),
    ),
    Advisory(
        "CVE-2026-16239",
        "PostgreSQL",
        "whoever may query can run programs on the server",
        ("18.6", "17.11", "16.15", "15.19", "14.24"),
    ),
    Advisory(
        "CVE-2026-6473",
        "PostgreSQL",
        "input of an application can write beyond memory that was allocated for it",
        ("18.4", "17.10", "16.14", "15.18", "14.23"),
    ),
    Advisory(
        "CVE-2026-2006",
        "PostgreSQL",
        "whoever may query can run programs on the server",
        ("18.2", "17.8", "16.12", "15.16", "14.21"),
    ),
    Advisory(
        "CVE-2025-8713",
        "PostgreSQL",
        "statistics of the planner show values of rows that policies hide",
        ("17.6", "16.10", "15.14", "14.19"),
    ),
    Advisory(
        "CVE-2024-10976",
        "PostgreSQL",
        "row-level security may apply the policies of another role",
        ("17.1", "16.5", "15.9", "14.14"),
    ),
    Advisory(
        "CVE-2023-5869",
        "PostgreSQL",
        "whoever may query can run programs on the server",
        ("16.1", "15.5", "14.10"),
    ),
    Advisory(
        "CVE-2023-2455",
        "PostgreSQL",
        "row-level security may apply the policies of another role",
        ("15.3", "14.8"),
    ),
    Advisory(
        "PostgreSQL 18.7",
        "PostgreSQL",
        "several ways to a spoiled index (its release notes say which to build again)",
        ("18.7",),
        corrupts=True,
    ),
    Advisory(
        "PostgreSQL 14.4",
        "PostgreSQL",
        "CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY leave rows out of the index",
        ("14.4",),
        corrupts=True,
    ),
    Advisory(
        "CVE-2026-3172",
        "pgvector",
        "a parallel build of an HNSW index leaks data of other tables, or crashes the server",
        ("0.8.2",),
        since="0.6.0",
    ),
    Advisory(
        "pgvector #1036",
        "pgvector",
        "a build of an IVFFlat index writes beyond its memory",
        ("0.8.7",),
    ),
    Advisory(
        "pgvector 0.8.3",
        "pgvector",
        "vacuuming an HNSW index can spoil it",
        ("0.8.3",),
        corrupts=True,
    ),
    Advisory(
        "pgvector 0.8.4",
        "pgvector",
        'vacuuming an HNSW index fails with "hnsw graph not repaired", and inserts meanwhile may fail',
        ("0.8.4",),
        corrupts=True,
    ),
)  # fmt: skip

END_OF_LIFE: Final = {
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""When the last release of each series comes out: https://www.postgresql.org/support/versioning/"""

"""A team's own SQL directory: what memdb ships, in the shape of their application, and their own migrations in it."""

from memdb.project.adding import NewMigration, NewMigrations, new, parse_index, recommended
from memdb.project.changing import begin, retire, switch
from memdb.project.choosing import Wanted, choose
from memdb.project.finding import Found, look
from memdb.project.folder import OnStart, Project, Upgrade, expect_free, init, shape_of, upgrade
from memdb.project.own import require_own

__all__ = [
    "Found",
    "NewMigration",
    "NewMigrations",
    "OnStart",
    "Project",
    "Upgrade",
    "Wanted",
    "begin",
    "choose",
    "expect_free",
    "init",
    "look",
    "new",
    "parse_index",
    "recommended",
    "require_own",
    "retire",
    "shape_of",
    "switch",
    "upgrade",
]

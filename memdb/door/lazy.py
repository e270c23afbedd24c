"""The parts of memdb that calls lead to, each loaded when it is first asked for: most calls need few of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memdb import distribution as distribution
    from memdb import embedded as embedded
    from memdb import migrations as migrations
    from memdb import preview as preview
    from memdb import project as project
    from memdb import recording as recording
    from memdb import scratch as scratch
    from memdb.benchmark import preparation as preparation
    from memdb.benchmark import strategies as strategies
    from memdb.benchmark import study as study
    from memdb.benchmark import targets as targets
    from memdb.doctor import examination as examination
    from memdb.doctor import facts as facts
    from memdb.doctor import inspection as inspection
    from memdb.embedding import comparing as comparing
    from memdb.embedding import faults as faults
    from memdb.embedding import filling as filling
    from memdb.embedding import from_file as from_file
    from memdb.embedding import needs as needs
    from memdb.ledger import sqlfiles as sqlfiles
    from memdb.ledger import status as status
    from memdb.lifecycle import consolidating as consolidating
    from memdb.lifecycle import duplicates as duplicates
    from memdb.lifecycle import forgetting as forgetting
    from memdb.lifecycle import merging as merging
    from memdb.lifecycle import pruning as pruning
    from memdb.linting import lint as lint
    from memdb.migrations import baseline as baseline
    from memdb.migrations import losses as losses
    from memdb.migrations import repair as repair
    from memdb.migrations import saved_plan as saved_plan
    from memdb.moving import arriving as arriving
    from memdb.moving import exporting as exporting
    from memdb.moving import importing as importing
    from memdb.search import explaining as explaining
    from memdb.search import searching as searching
    from memdb.seeding import choosing as choosing
    from memdb.seeding import hooks as hooks
    from memdb.seeding import resetting as resetting
    from memdb.seeding import seed as seed
    from memdb.verification import drift as drift
    from memdb.verification import snapshot as snapshot
    from memdb.verification import verify as verify

_HOMES = {
    "memdb": "distribution embedded migrations preview project recording scratch",
    "memdb.benchmark": "preparation strategies study targets",
    "memdb.doctor": "examination facts inspection",
    "memdb.embedding": "comparing faults filling from_file needs",
    "memdb.ledger": "sqlfiles status",
    "memdb.lifecycle": "consolidating duplicates forgetting merging pruning",
    "memdb.linting": "lint",
    "memdb.migrations": "baseline losses repair saved_plan",
    "memdb.moving": "arriving exporting importing",
    "memdb.search": "explaining searching",
    "memdb.seeding": "choosing hooks resetting seed",
    "memdb.verification": "drift snapshot verify",
}
_PATHS = {name: f"{home}.{name}" for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _PATHS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(_PATHS[name])

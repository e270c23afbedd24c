"""Checks of who gets at memories, and who could make others run their code."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from memdb.doctor.checks import Check
from memdb.doctor.facts import Definer, Function, Grant, OpenSchema, Policy, Table, View
from memdb.doctor.findings import Finding, Level
from memdb.doctor.patient import Patient
from memdb.words import count, listed

_EVERYBODY = "-"
_STRANGERS = (_EVERYBODY, "anon", "authenticated")
"""Roles that anybody has who knows where the database is, or its API (Supabase, PostgREST)."""
_SET = "row_security"
_WRITES = {"insert", "update", "delete", "truncate"}
_OF_ROWS = {"select", *_WRITES}
_UNRESTRAINED = {
    "truncate": "truncate deletes the rows of all users",
    "trigger": "a trigger sees what others write",
    "references": "a foreign key tells which ids there are",
    "maintain": "who maintains a table can lock it",
}
"""Rights on a table that no policy restrains, and why that matters."""


def _row_security(patient: Patient) -> Iterator[Finding]:
    open_tables = [table for table in patient.with_rows_of_users if not table.has_row_security]
    grants = _grants(patient, open_tables, _OF_ROWS)
    strangers = [grant for grant in grants if grant.role in _STRANGERS]
    applications = [grant for grant in grants if grant.role not in _STRANGERS and not grant.passes_policies]
    if strangers:
        yield Finding(
            "error",
            f"{_roles(strangers)} can {_verbs(strangers)} the memories of all users",
            _names(open_tables, strangers),
            "Row-level security is off, and the role is one that anybody gets.",
            _keep_apart(patient, strangers),
        )
    elif applications:
        yield Finding(
            "warning",
            f"{_roles(applications)} can {_verbs(applications)} the memories of all users",
            _names(open_tables, applications),
            "Only the conditions that an application writes keep users apart: one that is forgotten shows another's.",
            _keep_apart(patient, applications),
        )
    elif patient.memories in open_tables:
        yield Finding(
            "info",
            "nothing in the database keeps users apart",
            patient.memories.name,
            f"Besides superusers and roles that read all data, only its owner gets at it: {patient.memories.owner}. An "
            "application that connects as one of them has to write user_id into each condition.",
            _keep_apart(patient, []),
        )


def _policies(patient: Patient) -> Iterator[Finding]:
    tables = {table.oid: table for table in patient.with_rows_of_users if table.has_row_security}
    policies: list[Policy] = patient.know("policies")
    for policy in policies:
        if policy.table in tables and policy.lets_all_through and set(policy.roles) & {"public", *_STRANGERS}:
            yield Finding(
                "error",
                f"a policy lets {listed(policy.roles)} through to all rows",
                f"policy {policy.name} on {tables[policy.table].name}",
                "Its condition is true. Policies are joined by OR, so it undoes all others.",
                "Replace it by one that compares user_id with the user who asks.",
            )
    yield from _past_policies(_grants(patient, [*tables.values()], _OF_ROWS), patient.memories)
    beside = [g for g in _grants(patient, [*tables.values()], set(_UNRESTRAINED)) if not g.passes_policies]
    if beside:
        given = [right for right in _UNRESTRAINED if any(right in grant.privileges for grant in beside)]
        can_harm = any(grant.role in _STRANGERS and {"truncate", "trigger"} & set(grant.privileges) for grant in beside)
        yield Finding(
            "error" if can_harm else "warning",
            f"{_roles(beside)} can do what no policy restrains",
            _names([*tables.values()], beside),
            f"{'; '.join(_UNRESTRAINED[right] for right in given).capitalize()}.",
            f"Take it away: revoke {', '.join(given)} on these tables from {_sql_roles(beside)}.",
        )
    for table in tables.values():
        if table.part != "partition" and not any(policy.table == table.oid for policy in policies):
            yield Finding(
                "info",
                "row-level security without a policy shows no rows",
                table.name,
                f"Nobody but {table.owner} and superusers finds anything there.",
                f"If users should, apply the set {_SET}, or write policies." if _SET in patient.sets else
                "If users should, write policies.",
            )  # fmt: skip


def _past_policies(grants: list[Grant], memories: Table) -> Iterator[Finding]:
    past = [grant for grant in grants if grant.passes_policies and (grant.logs_in or grant.role in _STRANGERS)]
    strangers = [grant for grant in past if grant.role in _STRANGERS]
    if found := strangers or past:
        yield Finding(
            "error" if strangers else "info",
            f"{_roles(found)} can {_verbs(found)} the memories of all users, whatever policies say",
            memories.name,
            f"A role that has BYPASSRLS, or is a member of {memories.owner}, is held to no policy.",
            "If that is not meant: alter role … nobypassrls, or take the membership away. An application connects as a "
            "role that is held to policies.",
        )


def _history(patient: Patient) -> Iterator[Finding]:
    tables: list[Table] = [table for table in patient.know("tables") if table.part == "history"]
    grants = [
        *_grants(patient, [table for table in tables if not table.has_row_security], _OF_ROWS | {"trigger"}),
        *_grants(patient, [table for table in tables if table.has_row_security], {"truncate", "trigger"}),
    ]
    strangers = [grant for grant in grants if grant.role in _STRANGERS]
    others = [grant for grant in grants if grant not in strangers and not grant.passes_policies]
    writers = [grant for grant in others if set(grant.privileges) - {"select"}]
    for level, found in (("error", strangers), ("warning", writers)):
        if found:
            yield Finding(
                "error" if level == "error" else "warning",
                f"{_roles(found)} can {_verbs(found)} the history of migrations",
                _names(tables, found),
                "It holds the SQL that was run; and who changes it decides what memdb migrate runs next.",
                f"If they have no part in migrating: revoke all on these tables from {_sql_roles(found)}.",
            )


def _views(patient: Patient) -> Iterator[Finding]:
    protected = any(table.has_row_security for table in patient.with_rows_of_users)
    views: list[View] = patient.know("views")
    for view in views:
        grants = [grant for grant in _grants(patient, [view], _OF_ROWS) if not grant.passes_policies]
        strangers = [grant for grant in grants if grant.role in _STRANGERS]
        if strangers or (protected and grants):
            yield Finding(
                "error" if strangers else "warning",
                f"{_roles(strangers or grants)} can {_verbs(strangers or grants)} memories through a view",
                f"{'materialized view' if view.is_materialized else 'view'} {view.name}",
                "It looks at memories with the rights of its owner, so policies hide nothing.",
                f"Take the grant away, or let it look with the reader's rights: alter view {view.name} set "
                "(security_invoker = true)." if not view.is_materialized else
                "Take the grant away: the rows of a materialized view cannot be under policies.",
            )  # fmt: skip


def _replaceable(patient: Patient) -> Iterator[Finding]:
    schemas: list[OpenSchema] = patient.know("open_schemas")
    for schema in schemas:
        level: Level = "error" if "everyone" in schema.roles else "warning"
        yield Finding(
            level,
            f"{_few(schema.roles)} can create in a schema that memdb's names lead to",
            f"schema {schema.name}",
            "A function or operator there that fits a call better is called in place of what was meant, with the "
            "rights of whoever calls.",
            f"If that is not meant: revoke create on schema {schema.name} from "
            f"{'public' if 'everyone' in schema.roles else ', '.join(schema.roles)}.",
        )
    functions: list[Function] = patient.know("functions")
    for function in functions:
        if function.is_of_others:
            yield Finding(
                "warning",
                f"{function.owner}, who does not own memories, can replace a function beside them",
                f"function {function.name}",
                "Whoever calls it runs what that role has put there.",
                f"If it is memdb's or yours: alter function {function.name} owner to {patient.memories.owner}.",
            )


def _definers(patient: Patient) -> Iterator[Finding]:
    functions: list[Function] = patient.know("functions")
    for function in functions:
        if function.runs_as_owner and not function.has_path:
            yield Finding(
                "error",
                "a function runs with its owner's rights and its caller's search_path",
                f"function {function.name}",
                f"A caller who puts a function of their own on the path has it run as {function.owner}.",
                "Set the path, with the schemas that its body needs: "
                f"alter function {function.name} set search_path = pg_catalog, pg_temp. Or make it security invoker.",
            )
    definers: list[Definer] = patient.know("definers")
    for definer in definers:
        yield Finding(
            "warning",
            f"{_called(definer.roles)} can call a function that works on memories with its owner's rights",
            f"function {definer.name}",
            f"Policies do not hold {definer.owner}, so only what the function itself compares keeps users apart.",
            "Make it security invoker; or have it compare user_id with the user who asks, and revoke execute from "
            "whoever has no need of it.",
        )


def _grants(patient: Patient, objects: Sequence[Table | View], rights: set[str]) -> list[Grant]:
    """Who has some of these rights on some of these objects, and which of these rights."""
    oids = {item.oid for item in objects}
    grants: list[Grant] = patient.know("grants")
    chosen = [replace(g, privileges=[p for p in g.privileges if p in rights]) for g in grants if g.table in oids]
    return [grant for grant in chosen if grant.privileges]


def _keep_apart(patient: Patient, grants: list[Grant]) -> str:
    of = f"{_sql_roles(grants)}, and from roles whose rights they have"
    revoke = f" Or take it away: revoke all on these tables from {of}." if grants else ""
    if patient.memories.has_row_security:
        return (
            "Enable row-level security there, too. Through a table above, a partition is held to that one's policies, "
            f"and needs none of its own; any other table needs some.{revoke}"
        )
    if _SET in patient.sets:
        see = f"memdb migrate --with {_SET} --dry-run"
        return f"Apply the set {_SET}: each user then gets at their own rows only. See what it does: {see}.{revoke}"
    return f"Enable row-level security, with policies that compare user_id with the user who asks.{revoke}"


def _roles(grants: list[Grant]) -> str:
    return _called([*dict.fromkeys(grant.role for grant in grants)])


def _called(roles: list[str]) -> str:
    return _few(["everyone" if role == _EVERYBODY else role for role in roles])


def _few(roles: list[str]) -> str:
    shown = roles if len(roles) < 4 else [*roles[:2], count(len(roles) - 2, "other")]
    return listed(shown)


def _sql_roles(grants: list[Grant]) -> str:
    return ", ".join("public" if role == _EVERYBODY else role for role in dict.fromkeys(g.role for g in grants))


def _verbs(grants: list[Grant]) -> str:
    given = {privilege for grant in grants for privilege in grant.privileges}
    return listed([*(["read"] if "select" in given else []), *(["change"] if given - {"select"} else [])])


def _names(tables: list[Table], grants: list[Grant]) -> str:
    oids = {grant.table for grant in grants}
    return ", ".join(table.name for table in tables if table.oid in oids)


CHECKS = (
    Check("row-security", "roles get at memories of all users, because row-level security is off", _row_security),
    Check(
        "policies",
        "a policy lets everybody through, there is none, or a role passes them, or may do what none restrains",
        _policies,
    ),
    Check("history-access", "everybody can read the history of migrations, or others can change it", _history),
    Check("views", "a view shows memories with the rights of its owner", _views),
    Check("replaceable-functions", "others can put their code where memdb's names lead", _replaceable),
    Check(
        "definer-functions",
        "a security definer function has no search_path of its own, or everybody can have it work on memories",
        _definers,
    ),
)

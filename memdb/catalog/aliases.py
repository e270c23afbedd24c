"""Other names of tables that a function changes, in the form that all releases of the server are brought to.

A minor release has begun to write AS before them: 15.20 does, 18.4 does not.
"""

import re

_RENAMED = re.compile(
    r"""'(?:[^']|'')*'|(?<![\w$."])(?P<changed>(?:DELETE FROM|UPDATE|MERGE INTO) """
    r"""(?:ONLY )?(?:"(?:[^"]|"")*"|[\w$.])+) AS (?=[\w"])"""
)


def without_as(sql: str) -> str:
    """`DELETE FROM memories AS m` as `DELETE FROM memories m`."""
    return _RENAMED.sub(lambda match: f"{match['changed']} " if match["changed"] else match[0], sql)

"""The SQL that makes an object of a database what the snapshot says it is. Pure: attributes in, lines out.

A line that is no comment can be pasted as it stands: it is one statement, it loses no row and no value, opens nothing,
and takes away nothing that an application may have made or may rely on. What cannot be mended so is told in comments,
for a person to decide.
"""

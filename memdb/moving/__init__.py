"""Memories taken along: written to a file from one snapshot, and stored again, also in a database of another shape."""

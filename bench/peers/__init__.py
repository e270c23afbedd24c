"""Other systems that keep memories in PostgreSQL, each as its documentation sets it up, in an environment of its own.

They cannot be installed together, nor with memdb, as they need different versions of pgvector. So each has beside its
adapter (`NAME_store.py`) the packages that it needs (`NAME_store.txt`), and runs in a process that `serving` leads
and `client` asks. None of this is a dependency of memdb.
"""

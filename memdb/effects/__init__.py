"""What statements do to the tables that are there before them: which locks they take, and what work they do under them.

Measured on a temporary database, where each statement is run; never told from its text, but for what cannot be seen:
outside of a transaction a statement's locks are gone when it ends.
"""

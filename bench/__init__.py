"""memdb beside what it is compared with: whole commands and queries, in turn on one machine, as ratios."""

"""The state of a database in one page: what is wrong with it, why that matters, and what mends it. Reads only."""

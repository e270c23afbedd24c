"""What memories take and cost at a given size, and how they would be spread over servers; without a database.

Sizes follow from the documented layout of pages, rows and indexes (`layout`, `parts`); times from figures that
`python -m bench capacity` measured on real databases, and that are kept with their source in `measured.json`.
"""

from memdb.capacity.demand import Demand
from memdb.capacity.planning import Capacity, plan
from memdb.capacity.skew import Skew

__all__ = ["Capacity", "Demand", "Skew", "plan"]

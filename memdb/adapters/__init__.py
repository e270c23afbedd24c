"""memdb's store behind the interfaces of other libraries: LangChain and LangGraph, each an extra of its own."""

from memdb.adapters.pool import Pool

__all__ = ["Pool"]

"""Keys of metadata under which adapters keep what is theirs."""

LANGCHAIN = "langchain"
"""An id that is no UUID. No document shows it."""

LANGGRAPH = "langgraph"
"""An item."""

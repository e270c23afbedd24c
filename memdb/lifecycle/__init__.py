"""What becomes of memories over the years."""

"""Reviewing migrations before they run."""

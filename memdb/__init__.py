"""The database layer of an AI companion's memory: migrations, verification, seeding and measurement."""

__version__ = "0.1.0"

"""The segment: one read-only SQLite file that holds all that a query needs."""

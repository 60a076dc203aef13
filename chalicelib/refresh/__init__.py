"""Keeping figures fresh: what is due, asked of its host in batches, written where it changed."""

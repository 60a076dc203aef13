"""Benchmarks: the measurements of ``make bench``."""

"""Tools for operators and contributors; none of them is part of the deployed functions."""

"""Packgrid: the Django Packages REST API v4 as serverless Python."""

__version__ = "0.2.0"

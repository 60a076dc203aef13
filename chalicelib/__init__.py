"""Packgrid: the Django Packages REST API v4 as serverless Python."""

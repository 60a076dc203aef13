"""Packages, grids and categories: entities, their JSON, storage, changes and consistency."""

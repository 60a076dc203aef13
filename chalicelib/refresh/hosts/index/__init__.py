"""The package index: project documents, the serials of its root, downloads."""

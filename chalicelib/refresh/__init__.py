"""The refresh: sources that are due are fetched from their hosts, and changes are written."""

"""Search: the segment, how it is built and published, and how a query is answered from it."""

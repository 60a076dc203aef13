"""Search: the index file, building and publishing it, and answering queries from it."""

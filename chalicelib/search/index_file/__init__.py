"""The index file: one read-only SQLite file with everything that a query needs.

The rest of the search knows only ``writer.write_index`` and the methods of ``reader.IndexFile``
and ``reader.Postings``; a new format changes the modules of this package. Sets of entries are
integers (see ``bitset``), and places are integers too (see ``file_format``).
"""

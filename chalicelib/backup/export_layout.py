"""Which objects an export is made of, below its prefix.

Of each table: ``<table>/manifest-summary.json``, ``<table>/manifest-files.json`` (a line for each
data file) and ``<table>/data/*.json.gz``. DynamoDB itself writes the same below
``AWSDynamoDB/<id>/``. Ours begins with ``_started`` and ends with ``export.json``, which names
the tables and the SHA-256 of every other object; without it an export is unfinished.
"""

EXPORTS = "exports/"
CLAIM = "_started"
MARK = "export.json"
SUMMARY = "manifest-summary.json"
FILES = "manifest-files.json"
DATA = "data/"
#: Of the mark; another version is not read.
VERSION = 1

"""The refresh's tables as PynamoDB models."""

from pynamodb.attributes import (
    BinaryAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model

from chalicelib.storage.attributes import CompressedJSONAttribute, ProvenanceAttribute, TableMeta


class SourcesByDue(GlobalSecondaryIndex["SourceItem"]):
    """Sources by host and due time."""

    class Meta(TableMeta):
        index_name = "by-due"
        projection = IncludeProjection(["due_since"])

    host = UnicodeAttribute(hash_key=True)
    due = NumberAttribute(range_key=True)
    due_since = NumberAttribute(null=True)


class SourceItem(Model):
    """A source of a package's figures: its repository or its project at the package index.

    Each refresh writes the whole item, so it is kept below 1 KB, which is one write unit.

    ``kind`` is ``repository`` or ``project``. Times are seconds since the epoch:

    - ``due``: when its host is asked next (absent: never);
    - ``checked``: when it was last answered in full;
    - ``check_at``: when all figures are asked for again, if ``due`` is only for missing ones;
    - ``handled``: when the last batch that was worked on was planned; that batch, or an older
      one, is skipped if it is delivered again;
    - ``due_since``: ``due`` before it was first postponed, until the host has been asked.

    ``state`` belongs to the host's module. ``provenance`` has ``[source, fetched at, token]`` for
    each figure.
    """

    class Meta(TableMeta):
        pass

    by_due = SourcesByDue()
    package_id = NumberAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    host = UnicodeAttribute()
    address = UnicodeAttribute()
    due = NumberAttribute(null=True)
    check_at = NumberAttribute(null=True)
    checked = NumberAttribute(null=True)
    handled = NumberAttribute(default=0)
    due_since = NumberAttribute(null=True)
    state = CompressedJSONAttribute()
    provenance = ProvenanceAttribute()
    failures = NumberAttribute(default=0)
    reason = UnicodeAttribute(null=True)
    failed_at = NumberAttribute(null=True)
    gone_since = NumberAttribute(null=True)


class HistoryItem(Model):
    """The figures of a package that one refresh changed; ``at`` is its time and source kind."""

    class Meta(TableMeta):
        pass

    package_id = NumberAttribute(hash_key=True)
    at = UnicodeAttribute(range_key=True)
    figures = JSONAttribute()


class HostItem(Model):
    """A host's meters (``github``), one of its slots (``github#0``) or its leases.

    Leases are named ``github#leases``. A slot has a ``holder`` until it is given back or
    ``until`` has passed. ``until`` is the table's TTL attribute, so only slots may have it.
    """

    class Meta(TableMeta):
        pass

    name = UnicodeAttribute(hash_key=True)
    version = NumberAttribute(default=0)
    meters = JSONAttribute(null=True)
    holder = UnicodeAttribute(null=True)
    until = NumberAttribute(null=True)
    leases = BinaryAttribute(null=True, legacy_encoding=False)

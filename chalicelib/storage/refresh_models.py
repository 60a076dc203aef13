"""The tables of the refresh, as PynamoDB models."""

from pynamodb.attributes import (
    BinaryAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model

from chalicelib.storage.attributes import PackedAttribute, ProvenanceAttribute, TableMeta


class SourcesByDue(GlobalSecondaryIndex["SourceItem"]):
    """What is due at a host, the longest due first."""

    class Meta(TableMeta):
        index_name = "by-due"
        projection = IncludeProjection(["due_since"])

    host = UnicodeAttribute(hash_key=True)
    due = NumberAttribute(range_key=True)
    due_since = NumberAttribute(null=True)


class SourceItem(Model):
    """Where figures of a package come from, and what is known of it.

    Each refresh writes it whole, so it is kept below 1 KB, which is one write unit.

    ``kind`` is ``repository`` or ``project``; instants are seconds since the epoch. ``due`` is
    when it is asked again (absent: never); ``checked`` when it last answered in full;
    ``check_at`` when the whole is asked again, where ``due`` is only for parts left open.
    ``handled`` is when the batch was planned that was last worked on: the same one, or an older
    one, that comes again is not. ``due_since`` is what ``due`` was before it was first put off,
    until it has been asked. ``state`` is what its host's module remembers; ``provenance`` tells
    for each figure ``[source, fetched at, token]``.
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
    state = PackedAttribute()
    provenance = ProvenanceAttribute()
    failures = NumberAttribute(default=0)
    reason = UnicodeAttribute(null=True)
    failed_at = NumberAttribute(null=True)
    gone_since = NumberAttribute(null=True)


class HistoryItem(Model):
    """Figures of a package as one refresh found them changed; ``at`` is its instant and kind."""

    class Meta(TableMeta):
        pass

    package_id = NumberAttribute(hash_key=True)
    at = UnicodeAttribute(range_key=True)
    figures = JSONAttribute()


class HostItem(Model):
    """The shared budget of a host (``github``), one of its slots (``github#0``), or what of it
    is under way (``github#leases``).

    A slot has a ``holder`` until it is given back or the instant ``until`` has passed; DynamoDB
    deletes by ``until``, so nothing else may have it.
    """

    class Meta(TableMeta):
        pass

    name = UnicodeAttribute(hash_key=True)
    version = NumberAttribute(default=0)
    meters = JSONAttribute(null=True)
    holder = UnicodeAttribute(null=True)
    until = NumberAttribute(null=True)
    leases = BinaryAttribute(null=True, legacy_encoding=False)

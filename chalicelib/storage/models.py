"""The tables, as PynamoDB models: one model a table, one attribute a fact.

Every served item carries, beside its typed attributes, the JSON that the API answers
(``body``), rendered once when it was written, and the number of the rendering that made it.
Writes are conditional on ``version``, which starts anywhere and grows by one with each.
"""

from datetime import datetime

from pynamodb.attributes import (
    Attribute,
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.constants import STRING
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model

from chalicelib import settings

BODY_ATTRIBUTES = ["body"]
#: For every call. Three tries of a call that stalls take 18 s and the waits between them, so an
#: API request has its answer before API Gateway gives up at 29 s. Retries are botocore's
#: "standard" ones, with exponential backoff and jitter; a transaction keeps its request token.
CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 5
MAX_RETRY_ATTEMPTS = 2


class InstantAttribute(Attribute[datetime]):
    """An instant with its offset, as ISO 8601 text with microseconds when there are any."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """As ISO 8601 text."""
        return value.isoformat()

    def deserialize(self, value: str) -> datetime:
        """From ISO 8601 text."""
        return datetime.fromisoformat(value)


class _Meta:
    """What all tables share."""

    billing_mode = "PAY_PER_REQUEST"
    table_name = ""


class ServedItem(Model):
    """What packages, grids and categories have in common."""

    id = NumberAttribute(hash_key=True)
    version = NumberAttribute()
    slug = UnicodeAttribute()
    title = UnicodeAttribute()
    body = UnicodeAttribute()
    rendering = NumberAttribute()
    #: Hash of the record that a load last wrote, so that a second load changes nothing.
    fingerprint = UnicodeAttribute(null=True)
    created = InstantAttribute()
    modified = InstantAttribute()


class PackagesBySlug(GlobalSecondaryIndex["PackageItem"]):
    """Packages by slug, with the body: a detail by slug is one request."""

    class Meta(_Meta):
        index_name = "by-slug"
        projection = IncludeProjection(BODY_ATTRIBUTES)

    slug = UnicodeAttribute(hash_key=True)


class GridsBySlug(GlobalSecondaryIndex["GridItem"]):
    """Grids by slug, with the body."""

    class Meta(_Meta):
        index_name = "by-slug"
        projection = IncludeProjection(BODY_ATTRIBUTES)

    slug = UnicodeAttribute(hash_key=True)


class PackageItem(ServedItem):
    """A package; attribute names are those of the entity ``Package``."""

    class Meta(_Meta):
        pass

    by_slug = PackagesBySlug()
    category_id = NumberAttribute()
    #: [membership id, grid id] pairs, by membership id.
    memberships = JSONAttribute()
    repo_url = UnicodeAttribute(null=True)
    repo_host = UnicodeAttribute(null=True)
    repo_description = UnicodeAttribute(null=True)
    repo_watchers = NumberAttribute()
    repo_forks = NumberAttribute()
    commit_count = NumberAttribute(null=True)
    commits_over_52w = JSONAttribute()
    last_commit_date = InstantAttribute(null=True)
    participants = UnicodeAttribute(null=True)
    documentation_url = UnicodeAttribute(null=True)
    pypi_url = UnicodeAttribute(null=True)
    pypi_downloads = NumberAttribute(null=True)
    pypi_license = UnicodeAttribute(null=True)
    pypi_licenses = JSONAttribute(null=True)
    pypi_classifiers = JSONAttribute(null=True)
    pypi_requires_python = UnicodeAttribute(null=True)
    pypi_yanked = BooleanAttribute(null=True)
    pypi_frameworks = JSONAttribute(null=True)
    pypi_advisories = JSONAttribute(null=True)
    supports_python3 = BooleanAttribute(null=True)
    latest_version_id = NumberAttribute(null=True)
    pypi_version = UnicodeAttribute(null=True)
    last_released = InstantAttribute(null=True)
    usage_count = NumberAttribute()
    favorite_count = NumberAttribute()
    score = NumberAttribute(null=True)
    deprecates_package_id = NumberAttribute(null=True)
    date_deprecated = InstantAttribute(null=True)
    date_repo_archived = InstantAttribute(null=True)
    last_fetched = InstantAttribute(null=True)
    last_exception = UnicodeAttribute(null=True)
    last_exception_at = InstantAttribute(null=True)
    last_exception_count = NumberAttribute()


class GridItem(ServedItem):
    """A grid; ``members`` are [membership id, package id] pairs, by title of the package."""

    class Meta(_Meta):
        pass

    by_slug = GridsBySlug()
    description = UnicodeAttribute()
    is_locked = BooleanAttribute()
    header = BooleanAttribute()
    members = JSONAttribute()


class CategoryItem(ServedItem):
    """A category; ``packages`` counts those that are in it, so that none is left dangling."""

    class Meta(_Meta):
        pass

    description = UnicodeAttribute()
    title_plural = UnicodeAttribute()
    show_pypi = BooleanAttribute()
    packages = NumberAttribute(default=0)


class MembershipItem(Model):
    """One row of a grid: which package stands in which grid. Its id orders a package's grids."""

    class Meta(_Meta):
        pass

    id = NumberAttribute(hash_key=True)
    grid_id = NumberAttribute()
    package_id = NumberAttribute()


class DirectoryItem(Model):
    """One segment of the ordered live ids of a collection (see ``bitmap``)."""

    class Meta(_Meta):
        pass

    collection = UnicodeAttribute(hash_key=True)
    segment = NumberAttribute(range_key=True)
    ids = BinaryAttribute(legacy_encoding=False)
    #: How many ids live in it.
    live = NumberAttribute()
    version = NumberAttribute()


class NameItem(Model):
    """A name that only one item may have: ``packages/slug/wagtail`` -> id of its owner."""

    class Meta(_Meta):
        pass

    name = UnicodeAttribute(hash_key=True)
    owner = NumberAttribute()


class LoadItem(Model):
    """A catalogue file that was loaded, by the SHA-256 of its bytes; ``finished``: to its end."""

    class Meta(_Meta):
        pass

    sha256 = UnicodeAttribute(hash_key=True)
    file_name = UnicodeAttribute()
    started = InstantAttribute()
    finished = InstantAttribute(null=True)
    outcome = JSONAttribute(null=True)


class SourcesByDue(GlobalSecondaryIndex["SourceItem"]):
    """What is due at a host, the longest due first."""

    class Meta(_Meta):
        index_name = "by-due"
        projection = IncludeProjection(["leased"])

    host = UnicodeAttribute(hash_key=True)
    due = NumberAttribute(range_key=True)
    leased = NumberAttribute(null=True)


class SourceItem(Model):
    """Where figures of a package come from, and what is known of it.

    ``kind`` is ``repository`` or ``project``; instants are seconds since the epoch. ``due`` is
    when it is asked again (absent: never); ``checked`` when it last answered in full;
    ``check_at`` when the whole is asked again, where ``due`` is only for parts left open.
    ``handled`` is when the batch was planned that was last worked on: the same one, or an older
    one, that comes again is not. ``leased`` is what ``due`` was put off to when it was sent to be
    worked on; it is being worked on as long as they are the same. ``state`` is what its host's
    module remembers; ``provenance`` tells for each figure ``[source, fetched at, token]``.
    """

    class Meta(_Meta):
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
    leased = NumberAttribute(null=True)
    state = JSONAttribute()
    provenance = JSONAttribute()
    failures = NumberAttribute(default=0)
    reason = UnicodeAttribute(null=True)
    failed_at = NumberAttribute(null=True)
    gone_since = NumberAttribute(null=True)


class HistoryItem(Model):
    """Figures of a package as one refresh found them changed; ``at`` is its instant and kind."""

    class Meta(_Meta):
        pass

    package_id = NumberAttribute(hash_key=True)
    at = UnicodeAttribute(range_key=True)
    figures = JSONAttribute()


class HostItem(Model):
    """The shared budget of a host (``github``), or one of its slots (``github#0``).

    A slot has a ``holder`` until it is given back or the instant ``until`` has passed.
    """

    class Meta(_Meta):
        pass

    name = UnicodeAttribute(hash_key=True)
    version = NumberAttribute(default=0)
    meters = JSONAttribute(null=True)
    holder = UnicodeAttribute(null=True)
    until = NumberAttribute(null=True)


MODELS: dict[str, type[Model]] = {
    "packages": PackageItem,
    "grids": GridItem,
    "categories": CategoryItem,
    "memberships": MembershipItem,
    "directory": DirectoryItem,
    "names": NameItem,
    "loads": LoadItem,
    "sources": SourceItem,
    "history": HistoryItem,
    "hosts": HostItem,
}


def bind(tables: dict[str, str]) -> None:
    """Point every model at its table; ``tables`` is ``Settings.tables``."""
    shared = Connection(
        connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=READ_TIMEOUT_SECONDS,
        max_retry_attempts=MAX_RETRY_ATTEMPTS,
    )
    for kind, model in MODELS.items():
        model.Meta.table_name = tables[kind]
        # PynamoDB makes a client for each model; making one takes longer than many requests.
        table = model._get_connection()
        shared.add_meta_table(table.connection.get_meta_table(tables[kind]))
        table.connection = shared


def connection() -> Connection:
    """The connection that all models share."""
    return PackageItem._get_connection().connection


def create_tables() -> list[str]:
    """Create the tables that do not exist yet; returns the names of those it created."""
    created = []
    for model in MODELS.values():
        if not model.exists():
            model.create_table(wait=True)
            created.append(model.Meta.table_name)
    return created


bind(settings.from_environment().tables)

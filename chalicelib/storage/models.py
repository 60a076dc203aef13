"""The tables, as PynamoDB models: one model a table, one attribute a fact.

Every served item carries, beside its typed attributes, the JSON that the API answers
(``body``), rendered once when it was written, and the number of the rendering that made it.
Writes are conditional on ``version``, which starts anywhere and grows by one with each.
"""

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model

from chalicelib import settings
from chalicelib.storage.attributes import InstantAttribute, TableMeta
from chalicelib.storage.refresh_models import HistoryItem, HostItem, SourceItem

BODY_ATTRIBUTES = ["body"]
#: For every call. Three tries of a call that stalls take 18 s and the waits between them, so an
#: API request has its answer before API Gateway gives up at 29 s. Retries are botocore's
#: "standard" ones, with exponential backoff and jitter; a transaction keeps its request token.
CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 5
MAX_RETRY_ATTEMPTS = 2


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

    class Meta(TableMeta):
        index_name = "by-slug"
        projection = IncludeProjection(BODY_ATTRIBUTES)

    slug = UnicodeAttribute(hash_key=True)


class GridsBySlug(GlobalSecondaryIndex["GridItem"]):
    """Grids by slug, with the body."""

    class Meta(TableMeta):
        index_name = "by-slug"
        projection = IncludeProjection(BODY_ATTRIBUTES)

    slug = UnicodeAttribute(hash_key=True)


class PackageItem(ServedItem):
    """A package; attribute names are those of the entity ``Package``."""

    class Meta(TableMeta):
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

    class Meta(TableMeta):
        pass

    by_slug = GridsBySlug()
    description = UnicodeAttribute()
    is_locked = BooleanAttribute()
    header = BooleanAttribute()
    members = JSONAttribute()


class CategoryItem(ServedItem):
    """A category; ``packages`` counts those that are in it, so that none is left dangling."""

    class Meta(TableMeta):
        pass

    description = UnicodeAttribute()
    title_plural = UnicodeAttribute()
    show_pypi = BooleanAttribute()
    packages = NumberAttribute(default=0)


class MembershipItem(Model):
    """One row of a grid: which package stands in which grid. Its id orders a package's grids."""

    class Meta(TableMeta):
        pass

    id = NumberAttribute(hash_key=True)
    grid_id = NumberAttribute()
    package_id = NumberAttribute()


class DirectoryItem(Model):
    """One segment of the ordered live ids of a collection (see ``bitmap``)."""

    class Meta(TableMeta):
        pass

    collection = UnicodeAttribute(hash_key=True)
    segment = NumberAttribute(range_key=True)
    ids = BinaryAttribute(legacy_encoding=False)
    #: How many ids live in it.
    live = NumberAttribute()
    version = NumberAttribute()


class NameItem(Model):
    """A name that only one item may have: ``packages/slug/wagtail`` -> id of its owner."""

    class Meta(TableMeta):
        pass

    name = UnicodeAttribute(hash_key=True)
    owner = NumberAttribute()


class LoadItem(Model):
    """A catalogue file that was loaded, by the SHA-256 of its bytes; ``finished``: to its end."""

    class Meta(TableMeta):
        pass

    sha256 = UnicodeAttribute(hash_key=True)
    file_name = UnicodeAttribute()
    started = InstantAttribute()
    finished = InstantAttribute(null=True)
    outcome = JSONAttribute(null=True)


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


def get_connection() -> Connection:
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

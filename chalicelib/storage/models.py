"""The catalogue's tables as PynamoDB models, and the connection of all tables.

Beside its typed attributes, every served item has the JSON that the API returns (``body``),
rendered once when the item was written, and the version of that rendering. Writes are
conditional on ``version``, which starts at a random number and grows by one with each write.
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
from chalicelib.storage import aws
from chalicelib.storage.attributes import DateTimeAttribute, TableMeta
from chalicelib.storage.refresh_models import HistoryItem, HostItem, SourceItem

BODY_ATTRIBUTES = ["body"]


class ServedItem(Model):
    """The attributes that packages, grids and categories have in common."""

    id = NumberAttribute(hash_key=True)
    version = NumberAttribute()
    slug = UnicodeAttribute()
    title = UnicodeAttribute()
    body = UnicodeAttribute()
    rendering = NumberAttribute()
    #: Hash of the record that a load last wrote, so that a second load changes nothing.
    fingerprint = UnicodeAttribute(null=True)
    created = DateTimeAttribute()
    modified = DateTimeAttribute()


class PackagesBySlug(GlobalSecondaryIndex["PackageItem"]):
    """Packages by slug, with the body, so that a detail by slug takes one request."""

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
    """A package; its attributes have the names of the entity's fields."""

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
    last_commit_date = DateTimeAttribute(null=True)
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
    last_released = DateTimeAttribute(null=True)
    usage_count = NumberAttribute()
    favorite_count = NumberAttribute()
    score = NumberAttribute(null=True)
    deprecates_package_id = NumberAttribute(null=True)
    date_deprecated = DateTimeAttribute(null=True)
    date_repo_archived = DateTimeAttribute(null=True)
    last_fetched = DateTimeAttribute(null=True)
    last_exception = UnicodeAttribute(null=True)
    last_exception_at = DateTimeAttribute(null=True)
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
    """A category; ``packages`` counts its packages, so that one in use is not deleted."""

    class Meta(TableMeta):
        pass

    description = UnicodeAttribute()
    title_plural = UnicodeAttribute()
    show_pypi = BooleanAttribute()
    packages = NumberAttribute(default=0)


class MembershipItem(Model):
    """A package in a grid. Its id orders a package's grids."""

    class Meta(TableMeta):
        pass

    id = NumberAttribute(hash_key=True)
    grid_id = NumberAttribute()
    package_id = NumberAttribute()


class DirectoryItem(Model):
    """One block of the ordered live ids of a collection (see ``id_bitmap``)."""

    class Meta(TableMeta):
        pass

    collection = UnicodeAttribute(hash_key=True)
    block = NumberAttribute(range_key=True, attr_name="segment")
    ids = BinaryAttribute(legacy_encoding=False)
    #: The number of live ids in it.
    live = NumberAttribute()
    version = NumberAttribute()


class NameItem(Model):
    """A name that only one item may have: ``packages/slug/wagtail`` -> id of its owner."""

    class Meta(TableMeta):
        pass

    name = UnicodeAttribute(hash_key=True)
    owner = NumberAttribute()


class LoadItem(Model):
    """The last load of a catalogue file, by the SHA-256 of its bytes.

    ``finished`` is absent if the load did not end.
    """

    class Meta(TableMeta):
        pass

    sha256 = UnicodeAttribute(hash_key=True)
    file_name = UnicodeAttribute()
    started = DateTimeAttribute()
    finished = DateTimeAttribute(null=True)
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


def bind_tables(tables: dict[str, str]) -> None:
    """Point every model at its table, over one shared connection; ``tables`` is by kind."""
    shared = Connection(
        connect_timeout_seconds=aws.CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=aws.READ_TIMEOUT_SECONDS,
        # PynamoDB retries by botocore's "standard" mode; a transaction keeps its request token.
        max_retry_attempts=aws.MAX_ATTEMPTS - 1,
    )
    for kind, model in MODELS.items():
        model.Meta.table_name = tables[kind]
        # PynamoDB creates a client for each model, which takes longer than many requests.
        table = model._get_connection()
        shared.add_meta_table(table.connection.get_meta_table(tables[kind]))
        table.connection = shared


def get_connection() -> Connection:
    """Return the connection that all models share."""
    return PackageItem._get_connection().connection


def create_tables() -> list[str]:
    """Create the tables that do not exist; return the names of those it created."""
    created = []
    for model in MODELS.values():
        if not model.exists():
            model.create_table(wait=True)
            created.append(model.Meta.table_name)
    return created


bind_tables(settings.from_environment().tables)

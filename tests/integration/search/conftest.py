"""A small catalogue in the tables, and a bucket to publish to."""

import pytest

from chalicelib.catalog import changes
from tests.support import entities


@pytest.fixture
def catalogue(tables: None, bucket: None) -> None:
    """Three packages and a grid."""
    changes.create(entities.category(title="App"))
    for number, title in enumerate(("django-cats", "django-dogs", "cat-tables"), start=1):
        changes.create(entities.package(number, title=title, slug=title, repo_watchers=number))
    changes.create(entities.grid(title="Cats and dogs", slug="pets"))

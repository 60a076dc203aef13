"""What the API shows of a directory, and no more."""

from typing import Any

from django.db import models


class Category(models.Model):
    title = models.TextField()
    slug = models.TextField(unique=True)
    description = models.TextField(default="")
    title_plural = models.TextField(default="")
    show_pypi = models.BooleanField(default=True)
    created = models.DateTimeField()
    modified = models.DateTimeField()


class Package(models.Model):
    title = models.TextField()
    slug = models.TextField(unique=True)
    category = models.ForeignKey(Category, models.CASCADE)
    latest_version = models.ForeignKey("Version", models.SET_NULL, null=True, related_name="+")
    last_commit_date = models.DateTimeField(null=True)
    last_fetched = models.DateTimeField(null=True)
    repo_url = models.TextField(null=True)
    repo_forks = models.IntegerField(default=0)
    repo_watchers = models.IntegerField(default=0)
    repo_description = models.TextField(null=True, default="")
    pypi_url = models.TextField(null=True, default="")
    documentation_url = models.TextField(null=True, default="")
    commits_over_52w = models.JSONField(default=list)
    participants = models.TextField(null=True, default="")
    created = models.DateTimeField()
    modified = models.DateTimeField()

    @property
    def grids_in_order(self) -> list[Any]:
        """Its grids in the order in which it was put into them."""
        rows = sorted(self.membership_set.all(), key=lambda row: row.id)
        return [row.grid for row in rows]


class Version(models.Model):
    package = models.ForeignKey(Package, models.CASCADE)
    number = models.TextField()


class Grid(models.Model):
    title = models.TextField()
    slug = models.TextField(unique=True)
    description = models.TextField(default="")
    is_locked = models.BooleanField(default=False)
    header = models.BooleanField(default=False)
    created = models.DateTimeField()
    modified = models.DateTimeField()

    @property
    def packages_in_order(self) -> list[Package]:
        """Its packages by title, compared by code point."""
        packages = [row.package for row in self.membership_set.all()]
        return sorted(packages, key=lambda package: package.title)


class Membership(models.Model):
    grid = models.ForeignKey(Grid, models.CASCADE)
    package = models.ForeignKey(Package, models.CASCADE)


#: By the names that fixtures use.
MODELS: dict[str, Any] = {
    "package.category": Category,
    "package.package": Package,
    "package.version": Version,
    "grid.grid": Grid,
    "grid.gridpackage": Membership,
}

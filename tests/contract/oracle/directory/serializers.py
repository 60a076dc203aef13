"""The JSON of each resource: fields in the order that the recordings show."""

from rest_framework import serializers

from tests.contract.oracle.directory.models import Category, Grid, Package


class _Links(serializers.ManyRelatedField):
    """Links to many, of which the model states the order."""

    def __init__(self, source: str, view_name: str) -> None:
        link = serializers.HyperlinkedRelatedField(read_only=True, view_name=view_name)
        super().__init__(child_relation=link, read_only=True, source=source)


class CategorySerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = (
            "id",
            "title",
            "slug",
            "description",
            "title_plural",
            "show_pypi",
            "created",
            "modified",
        )


class PackageSerializer(serializers.HyperlinkedModelSerializer):
    grids = _Links("grids_in_order", view_name="grid-detail")
    last_updated = serializers.DateTimeField(source="last_commit_date")
    pypi_version = serializers.CharField(source="latest_version.number", default=None)
    commits_over_52 = serializers.JSONField(source="commits_over_52w")
    participants = serializers.SerializerMethodField()

    class Meta:
        model = Package
        fields = (
            "category",
            "grids",
            "id",
            "title",
            "slug",
            "last_updated",
            "last_fetched",
            "repo_url",
            "pypi_version",
            "created",
            "modified",
            "repo_forks",
            "repo_description",
            "pypi_url",
            "documentation_url",
            "repo_watchers",
            "commits_over_52",
            "participants",
        )

    def get_participants(self, package: Package) -> list[str]:
        names = map(str.strip, (package.participants or "").split(","))
        return list(filter(None, names))


class GridSerializer(serializers.HyperlinkedModelSerializer):
    packages = _Links("packages_in_order", view_name="package-detail")

    class Meta:
        model = Grid
        fields = (
            "id",
            "title",
            "slug",
            "description",
            "is_locked",
            "packages",
            "header",
            "created",
            "modified",
        )

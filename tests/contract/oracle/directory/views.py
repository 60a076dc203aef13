"""Read-only views. Names and descriptions are what OPTIONS answers in the recordings."""

from typing import Any

from rest_framework import generics, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from tests.contract.oracle.directory.models import Category, Grid, Package
from tests.contract.oracle.directory.serializers import (
    CategorySerializer,
    GridSerializer,
    PackageSerializer,
)


class _ByIdOrSlug(viewsets.ReadOnlyModelViewSet):
    """Digits are an id, anything else is a slug."""

    def get_object(self) -> Any:
        name = self.kwargs["pk"]
        by = {"id": name} if name.isdigit() else {"slug": name}
        return generics.get_object_or_404(self.get_queryset(), **by)


class PackageViewSet(_ByIdOrSlug):
    """
    API endpoint that allows packages to be viewed or edited.
    """

    queryset = (
        Package.objects.order_by("-id")
        .select_related("latest_version")
        .prefetch_related("membership_set__grid")
    )
    serializer_class = PackageSerializer


class GridViewSet(_ByIdOrSlug):
    __doc__ = ""
    queryset = Grid.objects.order_by("-id").prefetch_related("membership_set__package")
    serializer_class = GridSerializer


class CategoryViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Category.objects.order_by("-id")
    serializer_class = CategorySerializer


class SearchV3ViewSet(viewsets.ViewSet):
    """
    Accepts a 'q' GET parameter.

    Returns SearchV3 (PostgreSQL FTS) results.
    """

    def list(self, request: Request, **_: Any) -> Response:
        """Nothing is found for nothing; how search finds is tested elsewhere."""
        assert not request.query_params.get("q", "").strip()
        return Response([])

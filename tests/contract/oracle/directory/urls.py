"""The routes, in the order in which the root lists them."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from tests.contract.oracle.directory import views

router = DefaultRouter()
router.register("packages", views.PackageViewSet)
router.register("search", views.SearchV3ViewSet, basename="search")
router.register("grids", views.GridViewSet)
router.register("categories", views.CategoryViewSet)

urlpatterns = [path("api/v4/", include(router.urls))]

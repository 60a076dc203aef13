"""A second implementation of the API, in Django REST Framework, and requests put to both.

Django is set up here, when this package is imported, and nowhere else. Nothing of it reaches the
process: no environment variable, no time zone, no logging.
"""

import logging

import django
from django.conf import settings

settings.configure(
    # Any host is welcome, as long as it is one; who may be linked to is the deployment's business.
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["rest_framework", "tests.contract.oracle.directory"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
        "PAGE_SIZE": 20,
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF="tests.contract.oracle.directory.urls",
    SECRET_KEY="of no use",
    # What the recordings show: "https" links where the proxy says so, and no redirect to them.
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    STATIC_URL="/static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    TIME_ZONE="America/New_York",
    USE_TZ=True,
)
# Requests that are refused are its daily bread here.
logging.getLogger("django").addHandler(logging.NullHandler())
logging.getLogger("django").propagate = False
django.setup()

"""Names of projects: read from a package's address, and compared."""

import re
from itertools import pairwise
from urllib.parse import unquote, urlsplit

#: The form of a name in the specification "Names and normalization" (PEP 508).
_NAME = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_RUN = re.compile(r"[-_.]+")
_LONGEST = 200
#: What stands in front of the name in an address of a project, at any index.
_BEFORE = {"pypi", "project"}


def normalised(name: str) -> str:
    """A name as names are compared (PEP 503): lower case, runs of ``-``, ``_``, ``.`` as ``-``."""
    return _RUN.sub("-", name).lower()


def project_of(pypi_url: str | None) -> str | None:
    """The normalised name of the project that a package's ``pypi_url`` is about.

    It is what follows ``/pypi/`` or ``/project/`` in the path, whatever the host, or the whole
    text if that is a bare name. ``None`` where there is none, or it is not a valid name.
    """
    text = (pypi_url or "").strip()
    if "/" not in text:
        return _valid(text)
    try:
        path = urlsplit(text).path
    except ValueError:
        return None
    parts = [part for part in path.split("/") if part]
    for before, name in pairwise(parts):
        if before.lower() in _BEFORE:
            return _valid(unquote(name).strip())
    return None


def _valid(name: str) -> str | None:
    is_valid = len(name) <= _LONGEST and _NAME.fullmatch(name) is not None
    return normalised(name) if is_valid else None

"""Names of projects, from a package's address."""

import re
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

#: The form of a name in the specification "Names and normalization" (PEP 508).
_NAME = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_MAX_LENGTH = 200
#: The segment before the name in the URL of a project, at any index.
_SEGMENTS = {"pypi", "project"}


def get_project(pypi_url: str | None) -> str | None:
    """Return the normalised name of the project (PEP 503) that ``pypi_url`` is about.

    It is what follows ``/pypi/`` or ``/project/`` in the path, whatever the host, or the whole
    text if that is a bare name. ``None`` where there is none, or it is not a valid name.
    """
    text = (pypi_url or "").strip()
    if "/" not in text:
        return _check(text)
    try:
        path = urlsplit(text).path
    except ValueError:
        return None
    parts = [part for part in path.split("/") if part]
    for segment, name in pairwise(parts):
        if segment.lower() in _SEGMENTS:
            return _check(unquote(name).strip())
    return None


def _check(name: str) -> str | None:
    is_valid = len(name) <= _MAX_LENGTH and _NAME.fullmatch(name) is not None
    return canonicalize_name(name) if is_valid else None

"""The address of the public index, which no file here names."""

from importlib import import_module
from urllib.parse import urlsplit

#: Where pip has it, from release 10 on.
_PIP_MODULE = "pip._internal.models.index"


def find_public_url() -> str | None:
    """Return scheme and host of the public index as pip knows it; ``None`` without pip.

    Lambda has no pip: packaging a stage puts the address into the functions' environment
    (``PACKGRID_PUBLIC_INDEX_URL``).
    """
    try:
        url = str(import_module(_PIP_MODULE).PyPI.url)
    except (ImportError, AttributeError):
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

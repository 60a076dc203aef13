"""Reading a release's classifiers, licence and ``Requires-Python``, all of them free text."""

import re
from collections.abc import Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_PYTHON_3 = re.compile(r"Programming Language :: Python :: 3(\.\d+)?( :: Only)?")
_PYTHON_2_ONLY = "Programming Language :: Python :: 2 :: Only"
_FRAMEWORK = re.compile(r"Framework :: (?P<name>.+) :: (?P<version>\d[\w.]*)")
#: A classifier that says how a licence came about, but not which it is.
_NO_LICENCE = {"License", "OSI Approved", "DFSG approved"}
#: What old build tools wrote where nothing was given.
_UNKNOWN = {"", "unknown", "none"}
_MAX_LINE_LENGTH = 100
_SPDX_TOKEN = re.compile(r"[A-Za-z0-9.+:-]+")
#: Minor versions of Python 3 that a specifier may allow; far more than there are.
_MINORS = range(100)


def read_licence(expression: str, text: str, classifiers: Sequence[str]) -> str | None:
    """Return the licence in one line: SPDX expression (PEP 639), first line or classifier.

    A first line of more than 100 characters is the beginning of a whole licence, not its name.
    """
    if expression:
        return expression
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.lower() not in _UNKNOWN and len(first) <= _MAX_LINE_LENGTH:
        return first
    return next(iter(_read_classified(classifiers)), None)


def read_licences(expression: str, classifiers: Sequence[str]) -> tuple[str, ...]:
    """Return each licence that applies: those of the expression, else of the classifiers.

    The word after ``WITH`` is an exception to a licence and none itself (SPDX 2.3, annex D).
    """
    if not expression:
        return _read_classified(classifiers)
    identifiers, is_exception = [], False
    for token in _SPDX_TOKEN.findall(expression):
        if token.upper() not in {"AND", "OR", "WITH"} and not is_exception:
            identifiers.append(token)
        is_exception = token.upper() == "WITH"
    return tuple(dict.fromkeys(identifiers))


def _read_classified(classifiers: Sequence[str]) -> tuple[str, ...]:
    names = (text.split(" :: ")[-1] for text in classifiers if text.startswith("License :: "))
    return tuple(dict.fromkeys(name for name in names if name and name not in _NO_LICENCE))


def supports_python3(classifiers: Sequence[str], requires_python: str) -> bool | None:
    """Return whether it runs on Python 3, by its classifiers, else by ``Requires-Python``.

    ``None`` if neither can be understood.
    """
    if any(_PYTHON_3.fullmatch(text) for text in classifiers):
        return True
    if _PYTHON_2_ONLY in classifiers:
        return False
    if not requires_python.strip():
        return None
    try:
        allowed = SpecifierSet(requires_python)
        named = [Version(each.version.removesuffix(".*")) for each in allowed]
        candidates = [Version(f"3.{minor}") for minor in _MINORS]
        candidates += [Version(f"3.{minor}.99") for minor in _MINORS]
        candidates += [version for version in named if version.major == 3]
        return any(allowed.contains(version, prereleases=True) for version in candidates)
    except (InvalidSpecifier, InvalidVersion):
        return None


def read_frameworks(classifiers: Sequence[str]) -> tuple[str, ...]:
    """Return the versions of frameworks that are named: ``Django 5.2``, ``Wagtail 6``."""
    matches = (_FRAMEWORK.fullmatch(text) for text in classifiers)
    return tuple(dict.fromkeys(f"{match['name']} {match['version']}" for match in matches if match))

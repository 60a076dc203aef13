"""What a release's classifiers, licence and ``Requires-Python`` say (all of them free text)."""

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
_LONGEST_LINE = 100
_SPDX_TOKEN = re.compile(r"[A-Za-z0-9.+:-]+")
#: Minor versions of Python 3 that a specifier may allow; far more than there are.
_MINORS = range(100)


def licence(expression: str, text: str, classifiers: Sequence[str]) -> str | None:
    """The licence in one line: the SPDX expression (PEP 639), the text's first line, a classifier.

    A first line of more than 100 characters is the beginning of a whole licence, not its name.
    """
    if expression:
        return expression
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.lower() not in _UNKNOWN and len(first) <= _LONGEST_LINE:
        return first
    return next(iter(_classified(classifiers)), None)


def licences(expression: str, classifiers: Sequence[str]) -> tuple[str, ...]:
    """Each licence that applies: the expression's identifiers, else those of the classifiers.

    What follows ``WITH`` is an exception to a licence and none itself (SPDX 2.3, annex D).
    """
    if not expression:
        return _classified(classifiers)
    found, is_exception = [], False
    for token in _SPDX_TOKEN.findall(expression):
        if token.upper() not in {"AND", "OR", "WITH"} and not is_exception:
            found.append(token)
        is_exception = token.upper() == "WITH"
    return tuple(dict.fromkeys(found))


def _classified(classifiers: Sequence[str]) -> tuple[str, ...]:
    found = (text.split(" :: ")[-1] for text in classifiers if text.startswith("License :: "))
    return tuple(dict.fromkeys(name for name in found if name and name not in _NO_LICENCE))


def supports_python3(classifiers: Sequence[str], requires_python: str) -> bool | None:
    """Whether it runs on Python 3, by its classifiers, else by ``Requires-Python``.

    ``None`` where neither says anything that can be understood.
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


def frameworks(classifiers: Sequence[str]) -> tuple[str, ...]:
    """The versions of frameworks that are named: ``Django 5.2``, ``Wagtail 6``."""
    found = (_FRAMEWORK.fullmatch(text) for text in classifiers)
    return tuple(dict.fromkeys(f"{match['name']} {match['version']}" for match in found if match))

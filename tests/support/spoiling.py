"""Valid JSON in which some places hold anything else, or nothing."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", "\0", "9999-99-99", "-1", 2**60]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_GONE = object()


def spoilt(valid: Any, most: int = 2) -> st.SearchStrategy[Any]:
    """``valid`` with up to ``most`` of its places replaced by anything, or taken out."""
    places = st.sampled_from([(), *_places(valid)])
    change = st.tuples(places, ANYTHING | st.just(_GONE))
    return st.lists(change, max_size=most).map(lambda changes: _changed(valid, changes))


def subset(json: dict[str, Any], names: str) -> dict[str, Any]:
    """Return the members that a host module reads, so that no change is spent on others."""
    return {name: json[name] for name in names.split()}


def _places(json: Any) -> Iterator[tuple[Any, ...]]:
    pairs = enumerate(json) if isinstance(json, list) else json.items()
    for key, value in pairs:
        yield (key,)
        if isinstance(value, list | dict):
            yield from ((key, *rest) for rest in _places(value))


def _changed(valid: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    found = copy.deepcopy(valid)
    for place, value in changes:
        if not place:
            return None if value is _GONE else value
        holder = found
        for key in place[:-1]:
            holder = holder[key] if _has(holder, key) else None
        if _has(holder, place[-1]):
            if value is _GONE:
                del holder[place[-1]]
            else:
                holder[place[-1]] = copy.deepcopy(value)
    return found


def _has(holder: Any, key: Any) -> bool:
    if isinstance(holder, dict):
        return key in holder
    return isinstance(holder, list) and isinstance(key, int) and key < len(holder)

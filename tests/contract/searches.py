"""The recorded rankings of the original's search, and how ours are compared with them."""

import json
from pathlib import Path
from urllib.parse import quote

from tests.contract.golden import ask

#: How many of 60 lists have to be equal, and how much of the others' first 20 has to be there.
LEAST_EQUAL = 58 / 60
LEAST_OVERLAP = 0.99
_Entry = tuple[str, str]


def compare(folder: Path, port: int, name: str = "a") -> bool:
    """Ask every recorded query and print what differs; whether enough is equal."""
    recorded = json.loads((folder / f"search_{name}.json").read_text(encoding="utf-8"))
    equal, overlap = 0, 0.0
    for query in recorded["queries"]:
        expected: list[_Entry] = [(kind, slug) for kind, slug in query["results"]]
        ours = _found(port, query["q"])
        ties = [
            {expected[one] if isinstance(one, int) else (one[0], one[1]) for one in run}
            for run in query.get("ties") or []
        ]
        if _settled(expected, ties) == _settled(ours, ties):
            equal += 1
        else:
            print(f"DIFFERENT search for {query['q']!r}: {_first_difference(expected, ours)}")
        shared = len(set(expected) & set(ours))
        overlap += shared / max(len(expected), len(ours)) if expected or ours else 1.0
    count = len(recorded["queries"])
    print(f"search: {equal}/{count} rankings equal, mean overlap {overlap / count:.4f}")
    return equal >= LEAST_EQUAL * count and overlap >= LEAST_OVERLAP * count


def _found(port: int, text: str) -> list[_Entry]:
    path = f"/api/v4/search/?q={quote(text, safe='')}"
    headers = {"Host": "djangopackages.org", "Accept": "application/json"}
    reply = ask(port, {"method": "GET", "path": path, "headers": headers})
    if reply.status != 200:
        return [("status", str(reply.status))]
    return [(entry["item_type"], entry["slug"]) for entry in json.loads(reply.body)]


def _settled(found: list[_Entry], ties: list[set[_Entry]]) -> list[_Entry]:
    """The list with each run whose order is not defined in an order of its own."""
    settled = list(found)
    for members in ties:
        places = [place for place, entry in enumerate(found) if entry in members]
        for place, entry in zip(places, sorted(found[place] for place in places), strict=True):
            settled[place] = entry
    return settled


def _first_difference(expected: list[_Entry], ours: list[_Entry]) -> str:
    for place, (theirs, mine) in enumerate(zip(expected, ours, strict=False)):
        if theirs != mine:
            return f"at {place} {theirs} recorded, {mine} now"
    return f"{len(expected)} recorded, {len(ours)} now"

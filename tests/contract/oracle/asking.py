"""One request put to both, compared and counted."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import reject

from tests.contract.oracle.comparison import differences, out_of_scope, without_the_raw_query
from tests.contract.oracle.doors import Asked, Oracle, Ours


@dataclass(slots=True)
class Tally:
    """How many requests were put to both: by status of theirs, by what was asked for."""

    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def compared(self) -> int:
        """How many requests were compared."""
        return self.statuses.total()


def compare(oracle: Oracle, ours: Ours, asked: Asked, tally: Tally) -> list[str]:
    """How the answers differ, with and without the raw query string; empty if they do not.

    Where they are not to be compared, Hypothesis is told to make another request.
    """
    theirs = oracle.ask(asked)
    if reason := out_of_scope(asked, theirs):
        tally.left_out[reason] += 1
        reject()
    tally.statuses[theirs.status] += 1
    tally.kinds[_kind(asked)] += 1
    found = differences(asked, theirs, ours.ask(asked))
    if asked.query:
        reply = ours.ask(asked, raw_query=False)
        lost = without_the_raw_query(asked, theirs, reply)
        found += [f"without the raw query: {line}" for line in lost]
    return found


def _kind(asked: Asked) -> str:
    """The resource that is asked for, roughly: by the first part of the path under the root."""
    first, *rest = asked.path.removeprefix("/api/v4/").split("/")
    if not asked.path.startswith("/api/v4/"):
        return "elsewhere"
    name = first.partition(".")[0]
    if name not in {"packages", "grids", "categories", "search"}:
        return "root" if not name else "elsewhere"
    return f"{name}, one" if any(rest) else name

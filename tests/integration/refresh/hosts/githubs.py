"""A GitHub made by hand: answers to GraphQL queries by address, and to REST by path."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chalicelib.refresh.fetch_result import FetchResult, Figures, Source
from chalicelib.refresh.hosts.github import GitHub
from tests.support.upstream import asking
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.server import Request

OID, NEXT = "a" * 40, "b" * 40
#: Long before asking.TODAY's day, and within the 52 weeks.
COMMITTED = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
WEEKS = tuple(range(52))
_ALIAS = re.compile(
    r'(r\d+): repository\(owner: ("(?:[^"\\]|\\.)*"), name: ("(?:[^"\\]|\\.)*")\) \{ \.\.\.F \}'
)


def host(replay: Replay, token: str | None = "secret") -> GitHub:
    """GitHub at the replay server."""
    return GitHub(replay.url, token)


def source(address: str, id: int = 1, **values: Any) -> Source:
    """A source of GitHub."""
    return asking.source(address, "github", id, **values)


def known(address: str, id: int = 1, **values: Any) -> Source:
    """A source of which all is known, as of 20 November: three days before asking.TODAY."""
    state = {
        "id": id,
        "oid": OID,
        "head": COMMITTED.isoformat(),
        "weeks": {"until": "2026-11-20", "series": "participation"},
        "contributors_etag": '"people"',
        "participation_etag": '"weeks"',
    }
    state |= values.pop("state", {})
    values = {"commits_over_52w": WEEKS, "participants": "ada,grace"} | values
    return source(address, id, state=state, **values)


def all_known(names: Sequence[str]) -> list[Source]:
    """Sources with the ids 1, 2..."""
    return [known(name, number) for number, name in enumerate(names, 1)]


def all_nodes(names: Sequence[str]) -> dict[str, Any]:
    """Their repositories, unchanged."""
    return {name.lower(): node(name, number) for number, name in enumerate(names, 1)}


def again(before: Source, outcome: FetchResult, **values: Any) -> Source:
    """The same source after its figures were written; ``values`` as of ``source``."""
    assert isinstance(outcome, Figures)
    fields = ("commits_over_52w", "participants", "date_repo_archived")
    package = {name: getattr(before.package, name) for name in fields}
    package |= {name: value for name, value in outcome.values.items() if name in fields}
    # The state is stored as JSON.
    state = json.loads(json.dumps(outcome.state))
    address = getattr(outcome, "address", before.address)
    return source(address, before.package.id, **({"state": state} | package | values))


def node(name: str, id: int = 1, **changes: Any) -> dict[str, Any]:
    """A repository as GraphQL has it; ``oid``, ``total`` and ``committed`` are the head's."""
    head = {
        "oid": changes.pop("oid", OID),
        "committedDate": changes.pop("committed", COMMITTED).isoformat(),
        "history": {"totalCount": changes.pop("total", 42)},
    }
    found = {
        "databaseId": id,
        "nameWithOwner": name,
        "description": f"About {name}",
        "stargazerCount": 10 * id,
        "forkCount": id,
        "isArchived": False,
        "archivedAt": None,
        "defaultBranchRef": {"target": head},
    }
    return found | changes


def error(kind: str | None, message: str = "No.", **values: Any) -> dict[str, Any]:
    """An error of GraphQL; one without a ``path`` is made that of its alias."""
    return ({} if kind is None else {"type": kind}) | {"message": message} | values


@dataclass
class GraphQL:
    """Answers queries: ``nodes`` by address (any case), else NOT_FOUND; ``errors`` by address.

    ``refused(addresses)`` may answer a whole query otherwise. ``queries`` are the addresses of
    each query in order.
    """

    nodes: Mapping[str, Any]
    errors: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    refused: Callable[[Sequence[str]], ResponseParts | None] = lambda _: None
    headers: Mapping[str, str] = field(default_factory=dict)
    queries: list[list[str]] = field(default_factory=list)

    def __call__(self, request: Request) -> ResponseParts:
        aliases = {
            alias: f"{json.loads(owner)}/{json.loads(name)}"
            for alias, owner, name in _ALIAS.findall(request.json["query"])
        }
        self.queries.append(list(aliases.values()))
        if made := self.refused(list(aliases.values())):
            return made
        data: dict[str, Any] = {"rateLimit": {"cost": 1, "remaining": 4990, "resetAt": None}}
        errors = []
        for alias, address in aliases.items():
            data[alias] = self.nodes.get(address.lower())
            given = self.errors.get(address)
            if given is None and data[alias] is None:
                given = error("NOT_FOUND", f"Could not resolve to a Repository: '{address}'.")
            if given is not None:
                errors.append({"path": [alias]} | given)
        # Errors come in no particular order.
        body = {"data": data} | ({"errors": errors[::-1]} if errors else {})
        return 200, self.headers, body


def routes(graphql: GraphQL, more: Routes | None = None) -> Routes:
    """The routes of a GitHub."""
    return {"POST /graphql": graphql, **(more or {})}


def contributors(*logins: str) -> list[dict[str, Any]]:
    """A page of contributors."""
    return [{"login": login, "contributions": 1} for login in logins]


def rest(
    address: str, people: Sequence[ResponseParts], weeks: Sequence[ResponseParts] | None = None
) -> dict[str, Sequence[ResponseParts]]:
    """The routes of contributors and participation of a repository."""
    found = {f"GET /repos/{address}/contributors?per_page=100": people}
    if weeks is not None:
        found[f"GET /repos/{address}/stats/participation"] = weeks
    return found


def participation(*counts: int) -> dict[str, Any]:
    """What GitHub answers: 52 numbers, the last ones of which are given."""
    filled = [0] * (52 - len(counts)) + list(counts)
    return {"all": filled, "owner": [0] * 52}

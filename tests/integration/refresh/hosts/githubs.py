"""The simulated GitHub with repositories that a test writes, and pieces of REST for its routes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from chalicelib.refresh.fetch_result import FetchResult, Figures, Source
from chalicelib.refresh.hosts.github import GitHub
from chalicelib.refresh.hosts.github.graphql import build_query
from tests.support.upstream import asking
from tests.support.upstream.asking import TODAY
from tools.fakehosts.graphql import FieldSelection
from tools.fakehosts.hosts import github, github_graphql
from tools.fakehosts.hosts.base import HandledRequest, RepositoryStore
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.scripted import History, ScriptedRepository
from tools.fakehosts.server import Headers, Request, Response

OID, NEXT = "a" * 40, "b" * 40
#: Long before asking.TODAY's day, and within the 52 weeks.
COMMITTED = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
WEEKS = tuple(range(52))


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


def all_nodes(names: Sequence[str]) -> dict[str, ScriptedRepository]:
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


@cache
def _write_history(oid: str, total: int, committed: datetime) -> History:
    """Return a history whose newest commit is ``oid``; the others are older than a year."""
    history = History(committed).add_line("older", [500.0] * (total - 1))
    return history.add_commit(oid, 0)


def node(name: str, id: int = 1, **changes: Any) -> ScriptedRepository:
    """A repository; ``oid``, ``total`` and ``committed`` are the head's, others GraphQL's."""
    history = _write_history(
        changes.pop("oid", OID), changes.pop("total", 42), changes.pop("committed", COMMITTED)
    )
    return ScriptedRepository(
        name,
        history,
        id=id,
        description=f"About {name}",
        stars=10 * id,
        forks=id,
        overrides=changes,
    )


def build_node(repository: ScriptedRepository) -> dict[str, Any]:
    """Return a repository as the query of the host module gets it."""
    owner, _, name = repository.path.partition("/")
    body = json.dumps({"query": build_query([(owner, name)])}).encode()
    request = Request("POST", "/graphql", Headers(), body)
    found: dict[str, Any] = GraphQL({repository.path: repository})(request).body["data"]["r0"]
    return found


def error(kind: str | None, message: str = "No.", **values: Any) -> dict[str, Any]:
    """An error of GraphQL; one without a ``path`` is made that of its alias."""
    return ({} if kind is None else {"type": kind}) | {"message": message} | values


@dataclass
class GraphQL(github_graphql.GraphQL):
    """The simulated GraphQL with repositories by address; ``errors`` by address.

    ``refused(addresses)`` may answer a whole query otherwise. ``queries`` are the addresses of
    each query in order.
    """

    nodes: Mapping[str, ScriptedRepository]
    errors: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    refused: Callable[[Sequence[str]], ResponseParts | None] = lambda _: None
    headers: Mapping[str, str] = field(default_factory=dict)
    queries: list[list[str]] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        store = RepositoryStore({path.lower(): each for path, each in self.nodes.items()})
        account = github_graphql.Account(is_authorised=True)
        response = self.handle(request, store, account, TODAY.timestamp()).response
        return replace(response, headers={**dict(response.headers), **self.headers})

    def run_query(
        self,
        fields: tuple[FieldSelection, ...],
        store: RepositoryStore,
        account: github_graphql.Account,
        cost: int,
        now: float,
    ) -> HandledRequest:
        """Answer as the simulated host does, with the errors of this one in place of its own."""
        aliases = {
            field.key: f"{field.arguments['owner']}/{field.arguments['name']}"
            for field in fields
            if field.name == "repository"
        }
        self.queries.append(list(aliases.values()))
        if made := self.refused(list(aliases.values())):
            return HandledRequest("graphql", Response(*made))
        handled = super().run_query(fields, store, account, cost, now)
        body = handled.response.body
        given = {
            alias: {"path": [alias]} | self.errors[address]
            for alias, address in aliases.items()
            if address in self.errors
        }
        others = [each for each in body.pop("errors", []) if each["path"][0] not in given]
        # Errors come in no particular order.
        if errors := [*given.values(), *others][::-1]:
            body["errors"] = errors
        return handled


def routes(graphql: GraphQL, more: Routes | None = None) -> Routes:
    """The routes of a GitHub."""
    return {"POST /graphql": graphql, **(more or {})}


def contributors(*logins: str) -> list[dict[str, Any]]:
    """A page of contributors."""
    return [github.build_contributor(login, id, 1) for id, login in enumerate(logins, 1)]


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
    return github.build_participation(filled)

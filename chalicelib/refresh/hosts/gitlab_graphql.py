"""Many projects of GitLab in one query.

``projects(fullPaths:)`` takes at most 50 paths and needs no token for public projects. A path
that was renamed is not followed, and one that is missing or private is left out without an
error (GitLab's source, ``ProjectsResolver``). So what is missing in an answer is asked for by
REST, which redirects a renamed path to the project and answers 404 otherwise. A query of more
than 200 points of complexity (250 with a token) is refused with status 200 and ``errors``, and
so is one that takes more than 30 seconds; then half of the projects are asked for.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Postponed, Source
from chalicelib.refresh.hosts.base import Remainder, build_postponed, fetch_each, fetch_in_groups
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.json_fields import get_member

MAX_PATHS = 50
#: After so many failures in a row each project is asked for by itself.
_MAX_FAILURES = 3

QUERY = """query($paths: [String!]) {
  projects(fullPaths: $paths, first: 50) {
    nodes {
      id fullPath starCount forksCount description archived
      repository { empty tree { lastCommit { sha committedDate } } }
    }
  }
}"""

CollectNode = Callable[[Source, Session, Mapping[str, Any]], FetchResult]
FetchByRest = Callable[[Source, Session], FetchResult]


def fetch(
    batch: Sequence[Source],
    session: Session,
    cost: Mapping[str, int],
    collect_node: CollectNode,
    fetch_by_rest: FetchByRest,
) -> FetchResults:
    """Ask for a batch, halving what is too much; nothing more once something is postponed."""
    failures = 0

    def fetch_group(
        group: Sequence[Source],
    ) -> Generator[tuple[Source, FetchResult], None, Remainder]:
        nonlocal failures
        try:
            nodes = query_projects(group, session, cost)
        except (RateLimited, WorkerTimeout) as error:
            return Remainder(group, build_postponed(error, session))
        except (Unreachable, RequestRejected):
            nodes = None
        failures = failures + 1 if nodes is None else 0
        if nodes is None and len(group) > 1 and failures < _MAX_FAILURES:
            return Remainder(group)
        projects = nodes or {}

        def fetch_one(source: Source, session: Session) -> FetchResult:
            node = projects.get(source.address.lower())
            if node is None:
                return fetch_by_rest(source, session)
            return collect_node(source, session, node)

        stop = None
        for source, result in fetch_each(group, session, fetch_one):
            stop = result if isinstance(result, Postponed) else stop
            yield source, result
        return Remainder(stop=stop)

    return fetch_in_groups(batch, MAX_PATHS, fetch_group)


def query_projects(
    sources: Sequence[Source], session: Session, cost: Mapping[str, int]
) -> dict[str, Mapping[str, Any]] | None:
    """Return the projects by path in small letters; ``None`` where the query failed.

    An answer with errors is not used, although it may have some of the projects: what is null
    there for a timeout looks like what is null because it is empty.
    """
    paths = [source.address for source in sources]
    reply = session.post("/api/graphql", {"query": QUERY, "variables": {"paths": paths}}, cost=cost)
    nodes = get_member(reply.json, "data", "projects", "nodes")
    if reply.status != 200 or get_member(reply.json, "errors") or not isinstance(nodes, list):
        return None
    by_path = {}
    for node in nodes:
        path = get_member(node, "fullPath")
        if isinstance(path, str):
            by_path[path.lower()] = node
    return by_path

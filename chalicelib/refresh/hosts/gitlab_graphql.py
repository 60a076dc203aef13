"""Many projects of GitLab in one query.

``projects(fullPaths:)`` takes at most 50 paths and needs no token for public projects. A path
that was renamed is not followed, and one that is missing or private is left out without an
error (GitLab's source, ``ProjectsResolver``). So what is missing in an answer is asked for by
REST, which redirects a renamed path to the project and answers 404 otherwise. A query of more
than 200 points of complexity (250 with a token) is refused with status 200 and ``errors``, and
so is one that takes more than 30 seconds; then half of the projects are asked for.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Postponed, Source
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.http.fetch_each import each, postponed
from chalicelib.refresh.json_fields import get_member

MOST_PATHS = 50
#: After so many failures in a row each project is asked for by itself.
_GIVES_UP_AFTER = 3

QUERY = """query($paths: [String!]) {
  projects(fullPaths: $paths, first: 50) {
    nodes {
      id fullPath starCount forksCount description archived
      repository { empty tree { lastCommit { sha committedDate } } }
    }
  }
}"""

ByNode = Callable[[Source, Session, Mapping[str, Any]], FetchResult]
ByRest = Callable[[Source, Session], FetchResult]


def fetch(
    batch: Sequence[Source],
    session: Session,
    cost: Mapping[str, int],
    by_node: ByNode,
    by_rest: ByRest,
) -> FetchResults:
    """Ask for the batch, halving what is too much; nothing more once something is postponed."""
    waiting = [batch[place : place + MOST_PATHS] for place in range(0, len(batch), MOST_PATHS)]
    waiting.reverse()
    failures = 0
    while waiting:
        chunk = waiting.pop()
        try:
            nodes = nodes_or_none(chunk, session, cost)
        except RateLimited as error:
            outcome = Postponed(error.until, str(error))
            yield from postponed([*chunk, *_all(waiting)], outcome)
            return
        except WorkerTimeout as error:
            outcome = Postponed(session.context.now(), str(error))
            yield from postponed([*chunk, *_all(waiting)], outcome)
            return
        except (Unreachable, RequestRejected):
            nodes = None
        if nodes is None:
            failures += 1
            if len(chunk) > 1 and failures < _GIVES_UP_AFTER:
                half = (len(chunk) + 1) // 2
                waiting += [chunk[half:], chunk[:half]]
                continue
        else:
            failures = 0
        stop = yield from _answers(chunk, session, nodes or {}, by_node, by_rest)
        if stop is not None:
            yield from postponed(list(_all(waiting)), stop)
            return


def _answers(
    chunk: Sequence[Source],
    session: Session,
    nodes: Mapping[str, Mapping[str, Any]],
    by_node: ByNode,
    by_rest: ByRest,
) -> Generator[tuple[Source, FetchResult], None, Postponed | None]:
    """What comes of each project of a chunk; returns what postponed it, if anything did."""

    def one(source: Source, session: Session) -> FetchResult:
        node = nodes.get(source.address.lower())
        if node is None:
            return by_rest(source, session)
        return by_node(source, session, node)

    stop = None
    for source, outcome in each(chunk, session, one):
        stop = outcome if isinstance(outcome, Postponed) else stop
        yield source, outcome
    return stop


def nodes_or_none(
    chunk: Sequence[Source], session: Session, cost: Mapping[str, int]
) -> dict[str, Mapping[str, Any]] | None:
    """The projects found, by path in small letters; ``None`` where the query failed.

    An answer with errors is not used, although it may have some of the projects: what is null
    there for a timeout looks like what is null because it is empty.
    """
    paths = [source.address for source in chunk]
    reply = session.post("/api/graphql", {"query": QUERY, "variables": {"paths": paths}}, cost=cost)
    nodes = get_member(reply.json, "data", "projects", "nodes")
    if reply.status != 200 or get_member(reply.json, "errors") or not isinstance(nodes, list):
        return None
    found = {}
    for node in nodes:
        path = get_member(node, "fullPath")
        if isinstance(path, str):
            found[path.lower()] = node
    return found


def _all(chunks: Sequence[Sequence[Source]]) -> Iterator[Source]:
    for chunk in reversed(chunks):
        yield from chunk

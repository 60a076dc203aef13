"""GitHub's GraphQL: many repositories in one query, and smaller queries where that is too much.

Points, the ten seconds of a query and the limits of resources are described in GitHub's GraphQL
documentation, "Rate limits and query limits for the GraphQL API"; the schema in its reference,
"Repository". What its errors look like was recorded, or reported in public issues.
"""

import json
import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from msgspec import Struct

from chalicelib.refresh.fetch_result import Failed, Gone, Postponed, Source
from chalicelib.refresh.hosts.base import (
    DOWN_AFTER,
    Remainder,
    build_down,
    build_postponed,
    fetch_in_groups,
)
from chalicelib.refresh.hosts.github import quotas
from chalicelib.refresh.hosts.github.collector import (
    CommitId,
    Head,
    Repository,
    check_name,
    split_address,
)
from chalicelib.refresh.hosts.json_types import Count, Instant, RequiredText, Text, decode
from chalicelib.refresh.http import rate_limit_headers as headers
from chalicelib.refresh.http.client import MAX_ATTEMPTS, Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, get_datetime, get_member, get_text

#: ``history`` is the one connection of a repository: a query costs a point up to a hundred.
_FRAGMENT = (
    "fragment F on Repository { databaseId nameWithOwner description stargazerCount forkCount "
    "isArchived archivedAt defaultBranchRef { target { ... on Commit { oid committedDate "
    "history(first: 1) { totalCount } } } } }"
)
_WINDOW, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_log = logging.getLogger(__name__)


class _History(Struct, rename="camel"):
    total_count: Count


class _Commit(Struct, rename="camel"):
    oid: CommitId
    committed_date: Instant
    history: _History


class _Branch(Struct):
    target: _Commit


class _Repository(Struct, rename="camel"):
    name_with_owner: RequiredText
    stargazer_count: Count
    fork_count: Count
    is_archived: bool
    # Null in a repository without a commit, but never missing.
    default_branch_ref: _Branch | None
    database_id: Count | None = None
    description: Text = Text()
    archived_at: Instant | None = None


Described = tuple[Repository, Head]
Results = Generator[tuple[Source, Described | Gone | Failed | Postponed], None, Remainder]


@dataclass(slots=True)
class _QueryResult:
    """The result of one query.

    ``missing`` are the repositories that it says nothing of, and ``reason`` is why. ``stop``:
    they and all others are to be asked for later. ``is_silent``: there was no answer at all.
    """

    results: list[tuple[Source, Described | Gone | Failed]] = field(default_factory=list)
    missing: list[Source] = field(default_factory=list)
    reason: str = ""
    stop: Postponed | None = None
    is_silent: bool = False


def build_query(addresses: Sequence[tuple[str, str]]) -> str:
    """Return the query for repositories by owner and name, under the aliases r0, r1..."""
    fields = " ".join(
        f"r{place}: repository(owner: {_quote(owner)}, name: {_quote(name)}) {{ ...F }}"
        for place, (owner, name) in enumerate(addresses)
    )
    return f"{_FRAGMENT} query {{ rateLimit {{ cost remaining resetAt }} {fields} }}"


def _quote(value: str) -> str:
    """Return a text as GraphQL writes it: with JSON's escapes, but without lone surrogates."""
    return json.dumps(value.encode(errors="replace").decode())


def describe_repositories(
    batch: Sequence[Source], session: Session
) -> Iterator[tuple[Source, Described | Gone | Failed | Postponed]]:
    """Yield what GitHub has of each source. Renamed ones are found: ``followRenames`` is on.

    A query that brings nothing is not repeated but halved, down to single repositories.
    """
    sources, rejected = _check_addresses(batch)
    yield from rejected
    unanswered = 0

    def query_group(group: Sequence[Source]) -> Results:
        nonlocal unanswered
        answer = _query(group, session)
        yield from answer.results
        is_single = len(group) == 1
        if not answer.is_silent:
            unanswered = 0
        elif is_single:
            unanswered += 1
        stop = build_down(session) if unanswered == DOWN_AFTER else answer.stop
        if is_single and not answer.stop:
            yield from ((source, Failed(answer.reason)) for source in answer.missing)
            return Remainder(stop=stop)
        return Remainder(answer.missing, stop)

    yield from fetch_in_groups(sources, session.host.policy.batch, query_group)


def _check_addresses(
    batch: Sequence[Source],
) -> tuple[list[Source], list[tuple[Source, Failed]]]:
    """Return the sources with an address that can be asked for, and the others as failed."""
    sources: list[Source] = []
    rejected = []
    for source in batch:
        try:
            split_address(source.address)
        except BadValue as error:
            rejected.append((source, Failed(str(error))))
        else:
            sources.append(source)
    return sources, rejected


def _query(group: Sequence[Source], session: Session) -> _QueryResult:
    """Return what comes of one query; never raises for what a host sends."""
    try:
        answer = _post(group, session)
    except (RateLimited, WorkerTimeout) as error:
        return _QueryResult(missing=list(group), stop=build_postponed(error, session))
    except (Unreachable, RequestRejected) as error:
        # A redirect loop or an endless body may be of the moment, too.
        answer = _QueryResult(missing=list(group), reason=str(error), is_silent=True)
    if answer.missing:
        share = f"{len(answer.missing)} of {len(group)} repositories"
        _log.info("%s: %s: %s", session.host.name, share, answer.reason)
    return answer


def _post(group: Sequence[Source], session: Session) -> _QueryResult:
    """Send one query; raises as ``Session.post``."""
    reply = session.post(
        "/graphql",
        {"query": build_query([split_address(source.address) for source in group])},
        cost=quotas.GRAPHQL_COST,
        # What was too heavy once would be so again, and is charged for.
        attempts=1 if len(group) > 1 else MAX_ATTEMPTS,
    )
    if reply.status in {403, 404}:
        failed = Failed(f"{reply.status} from GraphQL")
        return _QueryResult(results=[(source, failed) for source in group])
    if reply.status != 200:
        raise Unreachable(f"status {reply.status}")
    return _read(group, reply, session)


def _read(group: Sequence[Source], reply: HostResponse, session: Session) -> _QueryResult:
    """Read the repositories of an answer; its errors name them by ``path[0]``."""
    data, errors = get_member(reply.json, "data"), get_member(reply.json, "errors")
    by_alias, others = _sort_errors(errors)
    answer = _QueryResult(reason=_describe(others[0]) if others else "not in the answer")
    for place, source in enumerate(group):
        its_errors = by_alias.get(f"r{place}", [])
        result = _read_repository(get_member(data, f"r{place}"), its_errors)
        if result is None:
            answer.missing.append(source)
            answer.reason = _describe(its_errors[0]) if its_errors else answer.reason
        else:
            answer.results.append((source, result))
    # A complete answer may well be the one that spent the last point: that is no refusal.
    if answer.missing:
        answer.stop = _limit(reply, by_alias, others, session)
    if not answer.stop and not by_alias and not others and not isinstance(data, dict):
        raise Unreachable("an answer without data")
    return answer


def _sort_errors(errors: Any) -> tuple[dict[str, list[Any]], list[Any]]:
    """Return the errors by alias, and those of the whole query."""
    by_alias: dict[str, list[Any]] = {}
    others = []
    for error in errors if isinstance(errors, list) else []:
        path = get_member(error, "path")
        if isinstance(path, list) and path and isinstance(path[0], str):
            by_alias.setdefault(path[0], []).append(error)
        else:
            others.append(error)
    return by_alias, others


def _read_repository(node: Any, errors: list[Any]) -> Described | Gone | Failed | None:
    """Return what an alias says; ``None``: ask for it again, in a smaller query."""
    if any(_is_passing(error) for error in errors):
        return None
    for error in errors:
        if get_member(error, "type") == "NOT_FOUND" and node is None:
            return Gone("404 Not Found")
        return Failed(_describe(error))
    if node is None:
        return None
    try:
        return _describe_repository(node)
    except BadValue as error:
        return Failed(str(error))


def _is_passing(error: Any) -> bool:
    """Return whether a smaller query, or a later one, may bring what this one did not."""
    kind = get_member(error, "type")
    if kind is None:
        message = _get_message(error).lower()
        return any(part in message for part in ("timeout", "timedout", "something went wrong"))
    return kind == "RESOURCE_LIMITS_EXCEEDED" or _is_limit(error)


def _limit(
    reply: HostResponse, by_alias: dict[str, list[Any]], others: list[Any], session: Session
) -> Postponed | None:
    """Note a limit that an answer of status 200 tells in its body, and postpone until its end."""
    now = session.context.now()
    messages = [_get_message(error).lower() for error in [*others, reply.json]]
    if any("secondary rate limit" in message for message in messages):
        until = headers.parse_retry_after(reply.headers, now) or now + _MINUTE
        cost = {quotas.REST_MINUTE: 1, **quotas.GRAPHQL_COST}
    elif any(map(_is_limit, [*others, *chain.from_iterable(by_alias.values())])):
        until = headers.parse_retry_after(reply.headers, now) or _find_reset(reply, now)
        cost = quotas.GRAPHQL_COST
    else:
        return None
    session.budget.block(session.host, cost, until)
    return Postponed(until, "the host's limit is spent (GraphQL)")


def _is_limit(error: Any) -> bool:
    """Return whether an error is of a limit: both types were reported, the second with the code."""
    kind = get_member(error, "type")
    return (
        kind in ("RATE_LIMITED", "RATE_LIMIT") or get_member(error, "code") == "graphql_rate_limit"
    )


def _find_reset(reply: HostResponse, now: datetime) -> datetime:
    """Return the window's end by the headers or the body; an hour from now at the latest."""
    reading = headers.parse_reading(
        reply.headers, now, quotas.GRAPHQL, "X-RateLimit", is_epoch=True
    )
    try:
        reset = (
            reading.reset if reading else get_datetime(reply.json, "data", "rateLimit", "resetAt")
        )
    except BadValue:
        reset = None
    return min(max(reset or now + _WINDOW, now + timedelta(seconds=1)), now + _WINDOW)


def _describe_repository(node: Any) -> Described:
    """Return a repository and its head; raises BadValue."""
    repository = decode(node, _Repository)
    described = Repository(
        id=repository.database_id,
        name=check_name(repository.name_with_owner),
        watchers=repository.stargazer_count,
        forks=repository.fork_count,
        description=repository.description,
        is_archived=repository.is_archived,
        archived=repository.archived_at,
    )
    if repository.default_branch_ref is None:
        return described, Head("", None, 0)
    target = repository.default_branch_ref.target
    return described, Head(target.oid, target.committed_date, target.history.total_count)


def _get_message(error: Any) -> str:
    try:
        return get_text(error, "message", max_length=200)
    except BadValue:
        return ""


def _describe(error: Any) -> str:
    kind = get_member(error, "type")
    message = _get_message(error)
    return f"{kind[:60]}: {message}" if isinstance(kind, str) else message or "an error"

"""GitHub's GraphQL: many repositories in one query, and smaller queries where that is too much.

Points, the ten seconds of a query and the limits of resources are described in GitHub's GraphQL
documentation, "Rate limits and query limits for the GraphQL API"; the schema in its reference,
"Repository". What its errors look like was recorded, or reported in public issues.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from chalicelib.refresh.fetch_result import Failed, Gone, Postponed, Source
from chalicelib.refresh.hosts.github import quotas
from chalicelib.refresh.hosts.github.collector import Head, Repository, checked_name, oid, parted
from chalicelib.refresh.http import rate_limit_headers
from chalicelib.refresh.http.client import MAX_ATTEMPTS, Session
from chalicelib.refresh.http.failures import (
    RateLimited,
    RequestRejected,
    Unreachable,
    WorkerTimeout,
)
from chalicelib.refresh.http.fetch_each import DOWN_AFTER, DOWN_FOR
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import (
    BadValue,
    get_bool,
    get_datetime,
    get_int,
    get_member,
    get_required_text,
    get_text,
)

#: ``history`` is the one connection of a repository: a query costs a point up to a hundred.
_FRAGMENT = (
    "fragment F on Repository { databaseId nameWithOwner description stargazerCount forkCount "
    "isArchived archivedAt defaultBranchRef { target { ... on Commit { oid committedDate "
    "history(first: 1) { totalCount } } } } }"
)
_WINDOW, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_log = logging.getLogger(__name__)

Found = tuple[Repository, Head]
Answers = Iterator[tuple[Source, Found | Gone | Failed | Postponed]]


@dataclass(slots=True)
class _Answer:
    """What came of one query.

    ``left`` are the repositories that it says nothing of, and ``reason`` is why. ``stop``: they
    and all others are to be asked for later. ``is_silent``: there was no answer at all.
    """

    results: list[tuple[Source, Found | Gone | Failed]] = field(default_factory=list)
    left: list[Source] = field(default_factory=list)
    reason: str = ""
    stop: Postponed | None = None
    is_silent: bool = False


def query(addresses: Sequence[tuple[str, str]]) -> str:
    """The query for repositories by owner and name, under the aliases r0, r1..."""
    asked = " ".join(
        f"r{place}: repository(owner: {_literal(owner)}, name: {_literal(name)}) {{ ...F }}"
        for place, (owner, name) in enumerate(addresses)
    )
    return f"{_FRAGMENT} query {{ rateLimit {{ cost remaining resetAt }} {asked} }}"


def _literal(value: str) -> str:
    """A text as GraphQL writes it: its escapes are those of JSON. Lone surrogates it has not."""
    return json.dumps(value.encode(errors="replace").decode())


def ask(batch: Sequence[Source], session: Session) -> Answers:
    """What GitHub has of each source. ``followRenames`` is its default: renamed ones are found.

    A query that brings nothing is not repeated but halved, down to single repositories.
    """
    good, bad = _told_apart(batch)
    yield from bad
    size = session.host.policy.batch
    stack = [good[start : start + size] for start in range(0, len(good), size)][::-1]
    silent = 0
    while stack:
        group = stack.pop()
        answer = _answer(group, session)
        yield from answer.results
        if not answer.is_silent:
            silent = 0
        elif len(group) == 1:
            silent += 1
        if len(group) == 1 and not answer.stop:
            yield from ((source, Failed(answer.reason)) for source in answer.left)
        else:
            stack += _halves(answer.left)
        stop = answer.stop
        if silent == DOWN_AFTER:
            until = session.context.now() + DOWN_FOR
            stop = Postponed(until, f"{session.host.name} does not answer")
        if stop:
            for left in reversed(stack):
                for source in left:
                    yield source, stop
            return


def _told_apart(batch: Sequence[Source]) -> tuple[list[Source], list[tuple[Source, Failed]]]:
    """Those with an address that can be asked for, and the others."""
    good: list[Source] = []
    bad = []
    for source in batch:
        try:
            parted(source.address)
        except BadValue as error:
            bad.append((source, Failed(str(error))))
        else:
            good.append(source)
    return good, bad


def _halves(sources: list[Source]) -> list[list[Source]]:
    """Two smaller groups, the first one last (it is taken from there)."""
    middle = (len(sources) + 1) // 2
    return [half for half in (sources[middle:], sources[:middle]) if half]


def _answer(group: list[Source], session: Session) -> _Answer:
    """What comes of one query; never raises for what a host sends."""
    try:
        answer = _asked(group, session)
    except RateLimited as error:
        return _Answer(left=group, stop=Postponed(error.until, str(error)))
    except WorkerTimeout as error:
        return _Answer(left=group, stop=Postponed(session.context.now(), str(error)))
    except (Unreachable, RequestRejected) as error:
        # A redirect loop or an endless body may be of the moment, too.
        answer = _Answer(left=group, reason=str(error), is_silent=True)
    if answer.left:
        count_of = f"{len(answer.left)} of {len(group)} repositories"
        _log.info("%s: %s: %s", session.host.name, count_of, answer.reason)
    return answer


def _asked(group: list[Source], session: Session) -> _Answer:
    """One query; raises as ``Session.post``."""
    reply = session.post(
        "/graphql",
        {"query": query([parted(source.address) for source in group])},
        cost=quotas.GRAPHQL_COST,
        # What was too heavy once would be so again, and is charged for.
        attempts=1 if len(group) > 1 else MAX_ATTEMPTS,
    )
    if reply.status in {403, 404}:
        failed = Failed(f"{reply.status} from GraphQL")
        return _Answer(results=[(source, failed) for source in group])
    if reply.status != 200:
        raise Unreachable(f"status {reply.status}")
    return _read(group, reply, session)


def _read(group: list[Source], reply: HostResponse, session: Session) -> _Answer:
    """Tell the repositories of an answer apart; its errors name them by ``path[0]``."""
    data, errors = get_member(reply.json, "data"), get_member(reply.json, "errors")
    by_alias, others = _sorted_errors(errors)
    answer = _Answer(reason=_words(others[0]) if others else "not in the answer")
    for place, source in enumerate(group):
        found_errors = by_alias.get(f"r{place}", [])
        result = _result(get_member(data, f"r{place}"), found_errors)
        if result is None:
            answer.left.append(source)
            answer.reason = _words(found_errors[0]) if found_errors else answer.reason
        else:
            answer.results.append((source, result))
    # A complete answer may well be the one that spent the last point: that is no refusal.
    if answer.left:
        answer.stop = _limit(reply, by_alias, others, session)
    if not answer.stop and not by_alias and not others and not isinstance(data, dict):
        raise Unreachable("an answer without data")
    return answer


def _sorted_errors(errors: Any) -> tuple[dict[str, list[Any]], list[Any]]:
    """The errors by alias, and those of the whole query."""
    by_alias: dict[str, list[Any]] = {}
    others = []
    for error in errors if isinstance(errors, list) else []:
        path = get_member(error, "path")
        if isinstance(path, list) and path and isinstance(path[0], str):
            by_alias.setdefault(path[0], []).append(error)
        else:
            others.append(error)
    return by_alias, others


def _result(found: Any, errors: list[Any]) -> Found | Gone | Failed | None:
    """What an alias says; ``None``: it is to be asked for again, in a smaller query."""
    if any(_is_passing(error) for error in errors):
        return None
    for error in errors:
        if get_member(error, "type") == "NOT_FOUND" and found is None:
            return Gone("404 Not Found")
        return Failed(_words(error))
    if found is None:
        return None
    try:
        return _repository(found), _head(found)
    except BadValue as error:
        return Failed(str(error))


def _is_passing(error: Any) -> bool:
    """Whether a smaller query, or a later one, may bring what this one did not."""
    kind = get_member(error, "type")
    if kind is None:
        message = _message(error).lower()
        return any(part in message for part in ("timeout", "timedout", "something went wrong"))
    return kind == "RESOURCE_LIMITS_EXCEEDED" or _is_limit(error)


def _limit(
    reply: HostResponse, by_alias: dict[str, list[Any]], others: list[Any], session: Session
) -> Postponed | None:
    """The limit that an answer of status 200 tells of in its body; nobody asks before its end."""
    now = session.context.now()
    messages = [_message(error).lower() for error in [*others, reply.json]]
    if any("secondary rate limit" in message for message in messages):
        until = rate_limit_headers.parse_retry_after(reply.headers, now) or now + _MINUTE
        cost = {quotas.REST_MINUTE: 1, **quotas.GRAPHQL_COST}
    elif any(map(_is_limit, [*others, *chain.from_iterable(by_alias.values())])):
        until = rate_limit_headers.parse_retry_after(reply.headers, now) or _reset(reply, now)
        cost = quotas.GRAPHQL_COST
    else:
        return None
    session.budget.block(session.host, cost, until)
    return Postponed(until, "the host's limit is spent (GraphQL)")


def _is_limit(error: Any) -> bool:
    """Both types were reported, the second with this code."""
    kind = get_member(error, "type")
    return (
        kind in ("RATE_LIMITED", "RATE_LIMIT") or get_member(error, "code") == "graphql_rate_limit"
    )


def _reset(reply: HostResponse, now: datetime) -> datetime:
    """The window's end by the headers or the body; an hour from now at the latest."""
    reading = rate_limit_headers.parse_reading(
        reply.headers, now, quotas.GRAPHQL, "X-RateLimit", is_epoch=True
    )
    try:
        named = (
            reading.reset if reading else get_datetime(reply.json, "data", "rateLimit", "resetAt")
        )
    except BadValue:
        named = None
    return min(max(named or now + _WINDOW, now + timedelta(seconds=1)), now + _WINDOW)


def _repository(found: Any) -> Repository:
    number = get_member(found, "databaseId")
    return Repository(
        id=None if number is None else get_int(found, "databaseId"),
        name=checked_name(get_required_text(found, "nameWithOwner")),
        watchers=get_int(found, "stargazerCount"),
        forks=get_int(found, "forkCount"),
        description=get_text(found, "description"),
        is_archived=get_bool(found, "isArchived"),
        archived=get_datetime(found, "archivedAt"),
    )


def _head(found: Any) -> Head:
    if "defaultBranchRef" not in found:
        raise BadValue("defaultBranchRef is missing")
    if found["defaultBranchRef"] is None:
        return Head("", None, 0)
    target = get_member(found, "defaultBranchRef", "target")
    committed = get_datetime(target, "committedDate")
    if committed is None:
        raise BadValue("committedDate is missing")
    return Head(oid(target, "oid"), committed, get_int(target, "history", "totalCount"))


def _message(error: Any) -> str:
    try:
        return get_text(error, "message", longest=200)
    except BadValue:
        return ""


def _words(error: Any) -> str:
    kind = get_member(error, "type")
    said = _message(error)
    return f"{kind[:60]}: {said}" if isinstance(kind, str) else said or "an error"

"""GitLab: gitlab.com in batches by GraphQL, self-hosted ones project by project.

Commits are counted in one way only: the total is the sum over ``repository/contributors``,
which leaves merges out; the 52 weeks are those of ``repository/commits``, which lists merges.
GitLab has a total with merges (``statistics``) for members alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from chalicelib.refresh.commit_weeks import COMMITS, build_empty
from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Provenance, Source
from chalicelib.refresh.hosts import commit_history as counting
from chalicelib.refresh.hosts import gitlab_graphql
from chalicelib.refresh.hosts.base import (
    Findings,
    age_weeks,
    archived_at,
    build_result,
    error_outcome,
    json_headers,
    known_weeks,
    not_modified_result,
    spent_until,
)
from chalicelib.refresh.hosts.gitlab_commits import ALL, Listing, contributors, history
from chalicelib.refresh.hosts.repo_urls import GITLAB
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.fetch_each import each
from chalicelib.refresh.http.rate_limit_headers import parse_number, parse_reading
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
from chalicelib.refresh.rate_limit import Policy, Rate, Reading

_PROJECTS = "projects"
#: ``last_activity_at`` moves once an hour at most (``Event`` in GitLab's source), so what was
#: read within that time may miss a later push; with some time for clocks that differ.
_SETTLED_AFTER = timedelta(hours=2)
_GID = re.compile(r"gid://gitlab/Project/([0-9]{1,15})")

_BATCH = "POST /api/graphql projects(fullPaths)"
_PROJECT = "GET /projects/:id"
_CONTRIBUTORS = "GET /projects/:id/repository/contributors"
_COMMITS = "GET /projects/:id/repository/commits"


class GitLab:
    """gitlab.com (named ``gitlab``) or one that somebody else runs."""

    def __init__(
        self, name: str, base_url: str, public_url: str, token: str | None, may_be_private: bool
    ) -> None:
        self.name = name
        self.base_url = base_url
        self.public_url = public_url
        self.may_be_private = may_be_private
        self._token = token
        self._is_public = name == GITLAB
        self.policy = _policy(self._is_public, bool(token))

    def headers(self) -> dict[str, str]:
        """JSON, and the token if there is one."""
        return json_headers(self._token)

    def readings(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """The limit of the whole API, which some answers tell; its reset is an epoch."""
        found = parse_reading(reply.headers, now, ALL, "RateLimit", is_epoch=True)
        return [] if found is None else [found]

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Where a limit is spent: Retry-After, else the end of its window, else a minute.

        A limit of one endpoint names no time to wait; its windows are minutes.
        """
        reset = None
        if parse_number(reply.headers, "RateLimit-Remaining") == 0:
            reset = next((found.reset for found in self.readings(reply, now)), None)
        return spent_until(reply, now, reset, token=self._token)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Many projects by one query at gitlab.com, else one by one."""
        if self._is_public:
            return gitlab_graphql.fetch(batch, session, {ALL: 1}, _by_node, _by_rest)
        return each(batch, session, _by_itself)


def _policy(is_public: bool, has_token: bool) -> Policy:
    """gitlab.com: 2,000 a minute with a token, 500 without, and 400 for single projects.

    From its documentation ("GitLab.com rate limits", "Rate limit on Projects API"). Others set
    their own limits, or none.
    """
    if not is_public:
        return Policy({ALL: Rate(300, 60, 60), _PROJECTS: Rate(300, 60, 60)}, 1, 25)
    limit = 2_000 if has_token else 500
    return Policy({ALL: Rate(limit, 60, limit // 5), _PROJECTS: Rate(400, 60, 80)}, 2, 50)


def _by_itself(source: Source, session: Session) -> FetchResult:
    """One project; by the query where the time of its last activity would not do."""
    if source.state.get("is_unsettled"):
        nodes = gitlab_graphql.nodes_or_none([source], session, {ALL: 1}) or {}
        node = nodes.get(source.address.lower())
        if node is not None:
            return _by_node(source, session, node)
    return _by_rest(source, session)


def _by_node(source: Source, session: Session, node: Mapping[str, Any]) -> FetchResult:
    """A project of which the query told; more is asked where its newest commit is new."""
    asking = _Asking(source, session)
    head = get_text(node, "repository", "tree", "lastCommit", "sha", longest=100)
    asking.found.add(
        Provenance(_BATCH),
        repo_watchers=get_int(node, "starCount"),
        repo_forks=get_int(node, "forksCount"),
        repo_description=get_text(node, "description"),
        date_repo_archived=archived_at(source, get_bool(node, "archived"), None, asking.now),
    )
    identifier = _GID.fullmatch(get_required_text(node, "id"))
    if identifier is None:
        raise BadValue("id is not that of a project")
    if head:
        at = get_datetime(node, "repository", "tree", "lastCommit", "committedDate")
        asking.note_head(_BATCH, head, at)
    if head and not asking.is_counted(head):
        begin = counting.start(asking.now.date())
        listing = history(session, int(identifier[1]), begin, is_bounded=True)
        if listing is None:
            raise BadValue("the newest commit is shown, but not the list of commits")
        asking.count(int(identifier[1]), head, listing)
    elif not head and get_member(node, "repository", "empty") is True:
        asking.note_empty()
    else:
        asking.age()
    asking.state["is_unsettled"] = asking.is_unsettled(source.state.get("activity"))
    address = get_required_text(node, "fullPath")
    return build_result(source, asking.found, asking.state, address, is_nested=True)


def _by_rest(source: Source, session: Session) -> FetchResult:
    """A project by its path: one conditional request where nothing happened."""
    asking = _Asking(source, session)
    state = asking.state
    reply = session.get(
        f"/api/v4/projects/{quote(source.address, safe='')}",
        cost={ALL: 1, _PROJECTS: 1},
        etag=source.state.get("etag"),
    )
    refused = error_outcome(reply)
    if refused is not None:
        return refused
    if reply.status == 304:
        if not state.get("is_unsettled") and asking.has_weeks():
            return not_modified_result(source, asking.now.date(), state)
        address, activity = source.address, state.get("activity")
    else:
        address, activity = asking.read_project(reply)
    is_same = activity == source.state.get("activity") and asking.has_weeks()
    if is_same and not state.get("is_unsettled"):
        asking.age()
    else:
        asking.read_commits(get_int(state, "id"))
    state["activity"] = activity
    state["is_unsettled"] = asking.is_unsettled(activity)
    return build_result(source, asking.found, state, address, is_nested=True)


@dataclass
class _Asking:
    """What was found of one project so far, and the state to remember."""

    source: Source
    session: Session
    found: Findings = field(default_factory=Findings)
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = self.session.context.now()
        self.state.update(self.source.state)

    def read_project(self, reply: HostResponse) -> tuple[str, str]:
        """Note a project's document; its path now, and when something happened last."""
        json = reply.json
        self.found.add(
            Provenance(_PROJECT, f"etag:{reply.etag}" if reply.etag else ""),
            repo_watchers=get_int(json, "star_count"),
            repo_forks=get_int(json, "forks_count"),
            repo_description=get_text(json, "description"),
            date_repo_archived=archived_at(self.source, get_bool(json, "archived"), None, self.now),
        )
        self.state |= {"id": get_int(json, "id"), "etag": reply.etag}
        address = get_required_text(json, "path_with_namespace")
        return address, get_text(json, "last_activity_at", longest=100)

    def read_commits(self, project: int) -> None:
        """Note what the list of commits tells, where its first is not the one known."""
        begin = counting.start(self.now.date())
        listing = history(self.session, project, begin, is_bounded=False)
        if listing is None:
            self.age()
        elif not listing.commits:
            self.note_empty()
        else:
            newest = listing.commits[0]
            self.note_head(_COMMITS, newest.id, newest.at)
            if self.is_counted(newest.id):
                self.age()
            else:
                self.count(project, newest.id, listing)

    def is_counted(self, head: str) -> bool:
        """Whether the commits up to ``head`` were counted."""
        return head == self.source.state.get("head") and self.has_weeks()

    def has_weeks(self) -> bool:
        """Whether the package still has the weeks that were counted, if they could be."""
        return "weeks" not in self.source.state or known_weeks(self.source) is not None

    def is_unsettled(self, activity: Any) -> bool:
        """Whether there may be pushes that the time of the last activity will not show."""
        at = get_datetime({"last_activity_at": activity or None}, "last_activity_at")
        return at is not None and self.now - at < _SETTLED_AFTER

    def note_head(self, call: str, head: str, at: datetime | None) -> None:
        """Note the newest commit."""
        if at is None:
            raise BadValue("the newest commit has no date")
        self.found.add(Provenance(call, f"oid:{head}"), last_commit_date=at)

    def note_empty(self) -> None:
        """Note that there is no commit."""
        self.state.pop("head", None)
        nothing = build_empty(self.now.date() + timedelta(days=1), COMMITS)
        self.found.add(Provenance(_COMMITS), commit_count=0, last_commit_date=None, participants="")
        self.found.add_weeks(Provenance(_COMMITS), nothing, self.state)

    def age(self) -> None:
        """Move the weeks on: nothing was committed."""
        age_weeks(self.source, self.found, self.state, self.now.date())

    def count(self, project: int, head: str, listing: Listing | None) -> None:
        """Note weeks, total and names for a new ``head``."""
        self.state["head"] = head
        self.state.pop("weeks", None)
        token = f"oid:{head}"
        if listing is not None and listing.is_complete:
            instants = (commit.at for commit in listing.commits)
            counted = counting.counted(instants, self.now.date())
            self.found.add_weeks(Provenance(_COMMITS, token), counted, self.state)
        people = contributors(self.session, project)
        if people is not None:
            self.found.add(Provenance(_CONTRIBUTORS, token), participants=people.names)
            if people.total is not None:
                self.found.add(Provenance(_CONTRIBUTORS, token), commit_count=people.total)

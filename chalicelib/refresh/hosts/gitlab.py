"""GitLab: gitlab.com in batches by GraphQL, self-hosted ones project by project.

Commits are counted in one way only: the total is the sum over ``repository/contributors``,
which leaves merges out; the 52 weeks are those of ``repository/commits``, which lists merges.
GitLab has a total with merges (``statistics``) for members alone.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from msgspec import Struct, field

from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Provenance, Source
from chalicelib.refresh.hosts import gitlab_graphql
from chalicelib.refresh.hosts.base import Host, fetch_each
from chalicelib.refresh.hosts.commit_history import Listing, compute_begin, count_weeks
from chalicelib.refresh.hosts.figure_collector import FigureCollector
from chalicelib.refresh.hosts.gitlab_commits import METER, read_commits, read_contributors
from chalicelib.refresh.hosts.json_types import (
    Count,
    Instant,
    Name,
    RequiredText,
    Text,
    decode,
)
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.rate_limit_headers import parse_number
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, get_datetime, get_int
from chalicelib.refresh.rate_limit import Policy, Rate

_PROJECTS_METER = "projects"
_COST = {METER: 1}
#: ``last_activity_at`` moves once an hour at most (``Event`` in GitLab's source), so what was
#: read within that time may miss a later push; with some time for clocks that differ.
_SETTLED_AFTER = timedelta(hours=2)
_GLOBAL_ID = re.compile(r"gid://gitlab/Project/([0-9]{1,15})")

_BATCH = "POST /api/graphql projects(fullPaths)"
_PROJECT = "GET /projects/:id"
_CONTRIBUTORS = "GET /projects/:id/repository/contributors"
_COMMITS = "GET /projects/:id/repository/commits"
#: What follows a project in URLs, now after ``-`` and formerly without it. None of these can be
#: the name of a project or subgroup (its documentation, "Reserved project and group names").
_PAGE_SEGMENTS = (
    "badges blame blob builds commits create create_dir edit files find_file new preview raw refs "
    "tree update wikis"
)


class _Project(Struct):
    """A project's document of REST."""

    id: Count
    path_with_namespace: RequiredText
    star_count: Count
    forks_count: Count
    archived: bool
    description: Text = Text()
    last_activity_at: Name = Name()


class _LastCommit(Struct):
    sha: Name = Name()
    committed_date: Instant | None = field(name="committedDate", default=None)


class _Tree(Struct):
    last_commit: _LastCommit | None = field(name="lastCommit", default=None)


class _Code(Struct):
    tree: _Tree | None = None
    empty: Any = None


class _Node(Struct, rename="camel"):
    """A project of a GraphQL query."""

    id: RequiredText
    full_path: RequiredText
    star_count: Count
    forks_count: Count
    archived: bool
    description: Text = Text()
    repository: _Code | None = None


class GitLab(Host):
    """The public one, gitlab.com."""

    name = "gitlab"
    domains: tuple[str, ...] = ("gitlab.com",)
    public_url = "https://gitlab.com"
    api_path = "/api/v4"
    has_nested_paths = True
    page_segments = frozenset(_PAGE_SEGMENTS.split())
    limit_prefix = "RateLimit"
    is_reset_epoch = True

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return 2,000 a minute with a token, 500 without, and 400 for single projects.

        From its documentation ("GitLab.com rate limits", "Rate limit on Projects API").
        """
        limit = 2_000 if has_token else 500
        meters = {METER: Rate(limit, 60, limit // 5), _PROJECTS_METER: Rate(400, 60, 80)}
        return Policy(meters, concurrency=2, batch=gitlab_graphql.MAX_PATHS)

    def find_reset(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Return the end of the window of the whole API's limit, if that one is spent.

        A limit of one endpoint names no time to wait; its windows are minutes.
        """
        if parse_number(reply.headers, f"{self.limit_prefix}-Remaining") != 0:
            return None
        return super().find_reset(reply, now)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Ask for many projects by one query, and for those it leaves out one by one."""
        return gitlab_graphql.fetch(batch, session, _COST, self.collect_node, self.fetch_by_rest)

    def collect_node(
        self, source: Source, session: Session, node: Mapping[str, Any]
    ) -> FetchResult:
        """Return the figures of a project in a query; more is asked if its head is new."""
        project = decode(node, _Node)
        collector = self._build_collector(source, session)
        collector.set_repository(
            Provenance(_BATCH),
            stars=project.star_count,
            forks=project.forks_count,
            description=project.description,
            is_archived=project.archived,
        )
        global_id = _GLOBAL_ID.fullmatch(project.id)
        if global_id is None:
            raise BadValue("id is not that of a project")
        code = project.repository or _Code()
        newest = (code.tree or _Tree()).last_commit or _LastCommit()
        head = newest.sha
        if head:
            collector.set_head(_BATCH, head, newest.committed_date)
        if head and not _is_counted(collector, head):
            number, begin = int(global_id[1]), compute_begin(collector.today)
            listing = read_commits(session, number, begin, is_bounded=True)
            if listing is None:
                raise BadValue("the newest commit is shown, but not the list of commits")
            _count(collector, session, number, listing)
        elif not head and code.empty is True:
            collector.set_empty(_COMMITS)
        else:
            collector.age_weeks()
        collector.state["is_unsettled"] = _is_unsettled(collector, source.state.get("activity"))
        collector.address = project.full_path
        return collector.build_result()

    def fetch_by_rest(self, source: Source, session: Session) -> FetchResult:
        """Ask for a project by its path: one conditional request where nothing happened."""
        collector = self._build_collector(source, session)
        state = collector.state
        reply = session.get(
            f"/api/v4/projects/{quote(source.address, safe='')}",
            cost={METER: 1, _PROJECTS_METER: 1},
            etag=source.state.get("etag"),
        )
        if error := self.error_outcome(reply):
            return error
        has_settled_weeks = not (state.get("is_unsettled") or collector.has_lost_weeks)
        if reply.status == 304:
            if has_settled_weeks:
                collector.age_weeks()
                return collector.build_not_modified()
            activity = state.get("activity")
        else:
            activity = _set_project(collector, reply)
        if activity == source.state.get("activity") and has_settled_weeks:
            collector.age_weeks()
        else:
            _collect_commits(collector, session, get_int(state, "id"))
        state["activity"] = activity
        state["is_unsettled"] = _is_unsettled(collector, activity)
        return collector.build_result()

    def _build_collector(self, source: Source, session: Session) -> FigureCollector:
        return FigureCollector(
            source, session.context.now(), has_nested_paths=self.has_nested_paths
        )


class SelfHostedGitLab(GitLab):
    """An instance that somebody else runs, which is asked project by project."""

    self_hosted_kind = "gitlab"
    domains = ()

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return our own limits; instances set theirs, or none."""
        meters = {METER: Rate(300, 60, 60), _PROJECTS_METER: Rate(300, 60, 60)}
        return Policy(meters, concurrency=1, batch=25)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Ask for the projects one by one."""
        return fetch_each(batch, session, self.fetch_one)

    def fetch_one(self, source: Source, session: Session) -> FetchResult:
        """Ask by REST; by the query where the time of the last activity tells too little."""
        if source.state.get("is_unsettled"):
            nodes = gitlab_graphql.query_projects([source], session, _COST) or {}
            node = nodes.get(source.address.lower())
            if node is not None:
                return self.collect_node(source, session, node)
        return self.fetch_by_rest(source, session)


def _set_project(collector: FigureCollector, reply: HostResponse) -> str:
    """Set what a project's document tells; returns the time of its last activity."""
    project = decode(reply.json, _Project)
    collector.set_repository(
        Provenance.of_etag(_PROJECT, reply.etag),
        stars=project.star_count,
        forks=project.forks_count,
        description=project.description,
        is_archived=project.archived,
    )
    collector.state |= {"id": project.id, "etag": reply.etag}
    collector.address = project.path_with_namespace
    return project.last_activity_at


def _collect_commits(collector: FigureCollector, session: Session, project: int) -> None:
    """Set what the list of commits tells, where the first is not the one known."""
    listing = read_commits(session, project, compute_begin(collector.today), is_bounded=False)
    if listing is None:
        collector.age_weeks()
    elif not listing.commits:
        collector.set_empty(_COMMITS)
    else:
        newest = listing.commits[0]
        collector.set_head(_COMMITS, newest.id, newest.at)
        if _is_counted(collector, newest.id):
            collector.age_weeks()
        else:
            _count(collector, session, project, listing)


def _is_counted(collector: FigureCollector, head: str) -> bool:
    """Return whether the commits up to ``head`` were counted last time."""
    return head == collector.source.state.get("head") and not collector.has_lost_weeks


def _is_unsettled(collector: FigureCollector, activity: Any) -> bool:
    """Return whether there may be pushes that the time of the last activity will not show."""
    at = get_datetime({"last_activity_at": activity or None}, "last_activity_at")
    return at is not None and collector.now - at < _SETTLED_AFTER


def _count(collector: FigureCollector, session: Session, project: int, listing: Listing) -> None:
    """Set weeks, total and names for a new head."""
    collector.forget("weeks")
    head = collector.head_id
    if listing.is_complete:
        instants = (commit.at for commit in listing.commits)
        weeks = count_weeks(instants, collector.today)
        collector.set_weeks(Provenance.of_commit(_COMMITS, head), weeks)
    contributors = read_contributors(session, project)
    if contributors is not None:
        provenance = Provenance.of_commit(_CONTRIBUTORS, head)
        collector.set_figures(provenance, participants=contributors.names)
        if contributors.total is not None:
            collector.set_figures(provenance, commit_count=contributors.total)

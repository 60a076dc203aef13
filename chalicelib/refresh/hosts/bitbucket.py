"""Bitbucket Cloud: repository by repository, conditional, within a small budget.

Without a token there are 60 requests an hour, so what was begun is remembered: the state lists
the parts that are still open (watchers, forks, commits) and how far the commits were read. There
are no stars: watchers stand in. There is no archived flag either.
"""

from datetime import datetime
from urllib.parse import quote

from msgspec import Struct

from chalicelib.refresh.fetch_result import FetchResult, Provenance, Source
from chalicelib.refresh.hosts.base import Host, has_part
from chalicelib.refresh.hosts.bitbucket_commits import COST, METER, CommitWalk
from chalicelib.refresh.hosts.figure_collector import FigureCollector, compute_fault_wait
from chalicelib.refresh.hosts.json_types import Count, RequiredText, Text, decode
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.failures import RateLimited, Unreachable, WorkerTimeout
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.rate_limit import Policy, Rate

_WATCHERS, _FORKS, _COMMITS = "watchers", "forks", "commits"
_PARTS = (_WATCHERS, _FORKS, _COMMITS)
_REPO = "GET /repositories/:workspace/:slug"


class _BranchName(Text):
    max_length = 500


class _Branch(Struct):
    name: _BranchName = _BranchName()


class _Repository(Struct):
    full_name: RequiredText
    updated_on: RequiredText
    description: Text = Text()
    mainbranch: _Branch | None = None


class _Size(Struct):
    size: Count


class Bitbucket(Host):
    """Bitbucket Cloud."""

    name = "bitbucket"
    domains = ("bitbucket.org",)
    public_url = "https://api.bitbucket.org"
    api_path = "/2.0"
    limit_prefix = "X-RateLimit"
    # Neither Retry-After nor the window's end may be told: the window rolls on all the time.
    pause_seconds = 300

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return the limit of a rolling hour (Atlassian's documentation, "API request limits")."""
        limit = 1_000 if has_token else 60
        return Policy({METER: Rate(limit, 3_600, limit // 5)}, concurrency=1, batch=10)

    def fetch_one(self, source: Source, session: Session) -> FetchResult:
        """Ask for the repository, conditionally, and for its parts where it changed."""
        collector = FigureCollector(source, session.context.now(), parts=_PARTS)
        path = _build_path(source.address)
        is_asked = source.is_check_due or not collector.open
        if is_asked:
            reply = session.get(path, cost=COST, etag=source.state.get("etag"))
            if error := self.error_outcome(reply):
                return error
            if reply.status == 200:
                _set_repository(collector, reply)
            elif collector.has_lost_weeks:
                collector.open_parts([_COMMITS])
            elif not collector.open:
                collector.age_weeks()
                return collector.build_not_modified()
        _read_open(collector, session, is_answered=is_asked)
        return collector.build_result()


def _build_path(address: str) -> str:
    return f"/2.0/repositories/{quote(address)}"


def _set_repository(collector: FigureCollector, reply: HostResponse) -> None:
    """Set what the repository's document tells, and which parts have to be read."""
    repository, state = decode(reply.json, _Repository), collector.state
    provenance = Provenance.of_etag(_REPO, reply.etag)
    collector.set_figures(provenance, repo_description=repository.description)
    collector.address = repository.full_name
    updated = repository.updated_on
    if updated != state.get("updated"):
        collector.open_parts(_PARTS)
        # What is being read is a list from before: later commits would not be in it.
        collector.forget("walk")
    elif collector.has_lost_weeks:
        collector.open_parts([_COMMITS])
    state |= {
        "etag": reply.etag,
        "updated": updated,
        "branch": repository.mainbranch.name if repository.mainbranch else "",
    }


def _read_open(collector: FigureCollector, session: Session, *, is_answered: bool) -> None:
    """Read the parts that are open, as far as budget and time reach and without a fault.

    What was read by then is kept, for reading it again may end as badly; what makes no sense
    fails all the same. Raises what stopped it where nothing was read and the repository itself
    has not answered either.
    """
    path = _build_path(collector.address)
    if _COMMITS not in collector.open:
        collector.age_weeks()
    before = set(collector.open), dict(collector.values), dict(collector.state)
    try:
        for part in [part for part in _PARTS if part in collector.open]:
            if part == _COMMITS:
                CommitWalk(collector, session, path).read()
            else:
                _read_size(collector, session, path, part)
            collector.close_part(part)
    except (RateLimited, WorkerTimeout, Unreachable) as error:
        is_stuck = (collector.open, collector.values, collector.state) == before
        if is_stuck and not is_answered:
            raise
        collector.wait_until(_compute_wait(collector, error, session.context.now(), is_stuck))


def _compute_wait(
    collector: FigureCollector, error: Exception, now: datetime, is_stuck: bool
) -> datetime:
    """Return when to go on; after faults that let nothing through, later each time."""
    if isinstance(error, RateLimited):
        return error.until
    if isinstance(error, WorkerTimeout):
        return now
    tries: int = collector.state.get("tries", 0) + 1 if is_stuck else 0
    collector.state["tries"] = tries
    return now + compute_fault_wait(tries)


def _read_size(collector: FigureCollector, session: Session, path: str, part: str) -> None:
    """Set how many forks or watchers there are; the list itself is not needed."""
    reply = session.get(f"{path}/{part}", cost=COST, params={"pagelen": 1})
    if not has_part(reply):
        return
    size = decode(reply.json, _Size).size
    provenance = Provenance(f"{_REPO}/{part}")
    if part == _FORKS:
        collector.set_figures(provenance, repo_forks=size)
    else:
        collector.set_figures(provenance, repo_watchers=size)

"""GitHub without a token: REST alone, within 60 requests an hour.

A conditional request tells of most repositories that nothing changed. The newest commit is asked
for only where the last push, or the default branch, is another one.
"""

from chalicelib.refresh.fetch_result import FetchResult, Figures, Provenance, Source, Unchanged
from chalicelib.refresh.hosts.base import error_outcome
from chalicelib.refresh.hosts.github import quotas
from chalicelib.refresh.hosts.github.collector import COMMITS, Draft, Repository, checked_name
from chalicelib.refresh.hosts.github.rest import Parts, etag_of, path_of
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue, get_bool, get_int, get_required_text, get_text


def one(source: Source, parts: Parts) -> FetchResult:
    """What comes of one repository; raises BadValue, and as ``Session.get``."""
    draft = Draft(source, parts.session.context.now())
    etag = draft.state.get("repository_etag")
    path = parts.root + path_of(source.address)
    reply = parts.session.get(path, cost=quotas.REST_COST, etag=etag)
    if reply.status == 304 and etag:
        return _unchanged(draft, parts)
    if outcome := error_outcome(reply):
        return outcome
    if reply.status != 200:
        raise BadValue("status 304 without having been asked")
    _read(draft, reply)
    return parts.completed(draft)


def _unchanged(draft: Draft, parts: Parts) -> FetchResult:
    """The repository is as it was: what is open is had, and the weeks shift."""
    draft.has_news = True
    if COMMITS not in draft.open:
        draft.age()
    outcome = parts.completed(draft)
    known = {"commits_over_52w": draft.source.package.commits_over_52w}
    if isinstance(outcome, Figures) and not outcome.again_at and known | draft.values == known:
        return Unchanged(state=outcome.state)
    return outcome


def _read(draft: Draft, reply: HostResponse) -> None:
    """What the repository's document says; raises BadValue before anything is noted."""
    found = reply.json
    repository = Repository(
        id=get_int(found, "id"),
        # A redirect (301) was followed: the name is what tells that it was renamed.
        name=checked_name(get_required_text(found, "full_name")),
        # A document of 2013 has the stars under their first name only, which has stayed, and
        # not whether it is archived: an old Enterprise Server may send the like.
        watchers=get_int(
            found, "stargazers_count" if "stargazers_count" in found else "watchers_count"
        ),
        forks=get_int(found, "forks_count"),
        description=get_text(found, "description"),
        is_archived=get_bool(found, "archived") if "archived" in found else None,
        archived=None,
    )
    pushed = [
        get_text(found, "pushed_at", longest=40),
        get_text(found, "default_branch", longest=255),
    ]
    etag = etag_of(reply)
    draft.is_repository(repository, Provenance("repository", f"etag:{etag}" if etag else ""))
    draft.keep("repository_etag", etag)
    if "oid" not in draft.state or draft.state.get("pushed") != pushed:
        draft.open.add(COMMITS)
    draft.state["pushed"] = pushed
    if COMMITS not in draft.open:
        draft.age()

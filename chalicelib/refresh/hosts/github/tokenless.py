"""GitHub without a token: REST alone, within 60 requests an hour.

A conditional request tells of most repositories that nothing changed. The newest commit is asked
for only where the last push, or the default branch, is another one.
"""

from msgspec import Struct

from chalicelib.refresh.fetch_result import FetchResult, Figures, Provenance, Source
from chalicelib.refresh.hosts.github import quotas
from chalicelib.refresh.hosts.github.collector import (
    COMMITS,
    GitHubCollector,
    Repository,
    check_name,
)
from chalicelib.refresh.hosts.github.rest import PartReader, build_path, get_etag
from chalicelib.refresh.hosts.json_types import Count, Name, RequiredText, Text, decode
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import BadValue


class _Branch(Text):
    max_length = 255


class _Document(Struct):
    """A repository's document.

    One of 2013 has the stars under their first name only, which has stayed, and not whether it
    is archived: an old Enterprise Server may send the like.
    """

    id: Count
    full_name: RequiredText
    forks_count: Count
    stargazers_count: Count | None = None
    watchers_count: Count | None = None
    description: Text = Text()
    archived: bool | None = None
    pushed_at: Name = Name()
    default_branch: _Branch = _Branch()


def fetch_one(source: Source, reader: PartReader) -> FetchResult:
    """Return what comes of one repository; raises BadValue, and as ``Session.get``."""
    collector = GitHubCollector(source, reader.session.context.now())
    etag = collector.state.get("repository_etag")
    path = reader.root + build_path(source.address)
    reply = reader.session.get(path, cost=quotas.REST_COST, etag=etag)
    if reply.status == 304 and etag:
        return _complete_unchanged(collector, reader)
    if error := reader.session.host.error_outcome(reply):
        return error
    if reply.status != 200:
        raise BadValue("status 304 without having been asked")
    _set_repository(collector, reply)
    return reader.complete(collector)


def _complete_unchanged(collector: GitHubCollector, reader: PartReader) -> FetchResult:
    """Read what is open of a repository that is as it was; its weeks move on."""
    collector.has_news = True
    if COMMITS not in collector.open:
        collector.age_weeks()
    result = reader.complete(collector)
    return collector.build_not_modified() if isinstance(result, Figures) else result


def _set_repository(collector: GitHubCollector, reply: HostResponse) -> None:
    """Set what the repository's document says; raises BadValue before anything is set."""
    document = decode(reply.json, _Document)
    stars = document.stargazers_count
    stars = document.watchers_count if stars is None else stars
    if stars is None:
        raise BadValue("stargazers_count is missing")
    repository = Repository(
        id=document.id,
        # A redirect (301) was followed: the name is what tells that it was renamed.
        name=check_name(document.full_name),
        watchers=stars,
        forks=document.forks_count,
        description=document.description,
        is_archived=document.archived,
        archived=None,
    )
    pushed = [document.pushed_at, document.default_branch]
    etag = get_etag(reply)
    collector.set_answer(repository, Provenance.of_etag("repository", etag))
    collector.remember("repository_etag", etag)
    if "oid" not in collector.state or collector.state.get("pushed") != pushed:
        collector.open_parts([COMMITS])
    collector.state["pushed"] = pushed
    if COMMITS not in collector.open:
        collector.age_weeks()

"""GitHub as a host of the refresh."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Provenance, Source, Unchanged
from chalicelib.refresh.hosts.base import Host, fetch_each
from chalicelib.refresh.hosts.github import graphql, quotas, tokenless
from chalicelib.refresh.hosts.github.collector import GitHubCollector
from chalicelib.refresh.hosts.github.rest import PartReader
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.rate_limit import Policy, Reading

#: The version that is served where none is named, and for long (GitHub's changelog of 12 March
#: 2026); what is read here is the same in the next one.
_VERSION = "2022-11-28"
#: Where the API of GitHub Enterprise Server is: REST below it, GraphQL beside it
#: (its documentation, "Forming calls with GraphQL").
_ENTERPRISE, _REST_ROOT = "/api/v3", "/v3"


class GitHub(Host):
    """GitHub, or a GitHub Enterprise Server whose ``api_url`` ends in ``/api/v3``.

    Without a token GraphQL cannot be asked.
    """

    name = "github"
    domains = ("github.com",)
    public_url = "https://api.github.com"
    media_type = "application/vnd.github+json"

    def __init__(
        self, api_url: str | None = None, token: str | None = None, domain: str | None = None
    ) -> None:
        super().__init__(api_url, token, domain)
        #: Where REST is below ``base_url``.
        self.rest_root = ""
        if self.base_url.endswith(_ENTERPRISE):
            self.base_url = self.base_url.removesuffix(_REST_ROOT)
            self.rest_root, self.public_url = _REST_ROOT, self.base_url

    def build_policy(self, *, has_token: bool) -> Policy:
        """Return GitHub's limits."""
        return quotas.build_policy(has_token)

    def headers(self) -> dict[str, str]:
        """Return the headers of every request: media type, API version, authorisation."""
        return {**super().headers(), "X-GitHub-Api-Version": _VERSION}

    def read_limits(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """Return what an answer's headers say of the limits."""
        return quotas.read_limits(reply, now)

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Return until when nothing may be asked, if a limit is spent or the token is refused.

        Who goes on with a refused token is locked out (GitHub's documentation, "Failed login
        limit").
        """
        if reply.status == 401:
            return super().limited_until(reply, now)
        return quotas.limited_until(reply, now)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Ask for every source of the batch; what needs no further request comes first."""
        reader = PartReader(session, self.rest_root)
        due = [source for source in batch if source.is_check_due]
        if self._token:
            yield from _fetch_with_graphql(due, session, reader)
        else:
            yield from fetch_each(
                due, session, lambda source, _: tokenless.fetch_one(source, reader)
            )
        for source in batch:
            if not source.is_check_due:
                yield source, _complete_open(source, session, reader)


def _fetch_with_graphql(
    batch: Sequence[Source], session: Session, reader: PartReader
) -> FetchResults:
    """Ask for all repositories by GraphQL, then for the parts of those with new commits."""
    incomplete = []
    for source, answer in graphql.describe_repositories(batch, session):
        if not isinstance(answer, tuple):
            yield source, answer
            continue
        repository, head = answer
        collector = GitHubCollector(source, session.context.now())
        collector.set_answer(repository, Provenance("graphql"))
        collector.set_branch("graphql", head)
        if collector.open:
            incomplete.append(collector)
        else:
            yield source, collector.build_result()
    for collector in incomplete:
        yield collector.source, reader.complete(collector)


def _complete_open(source: Source, session: Session, reader: PartReader) -> FetchResult:
    """Read what the last answer left open, without asking what else has changed."""
    collector = GitHubCollector(source, session.context.now())
    if not collector.open:
        return Unchanged(state=source.state)
    return reader.complete(collector)

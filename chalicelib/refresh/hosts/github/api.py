"""GitHub as a host of the refresh."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.refresh.fetch_result import FetchResult, FetchResults, Provenance, Source, Unchanged
from chalicelib.refresh.hosts.base import BAD_CREDENTIALS_SECONDS
from chalicelib.refresh.hosts.github import graphql, quotas, tokenless
from chalicelib.refresh.hosts.github.collector import Draft
from chalicelib.refresh.hosts.github.rest import Parts
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.fetch_each import each
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.rate_limit import Reading, add_seconds

PUBLIC_URL = "https://api.github.com"
#: The version that is served where none is named, and for long (GitHub's changelog of 12 March
#: 2026); what is read here is the same in the next one.
_VERSION = "2022-11-28"
#: Where the API of GitHub Enterprise Server is: REST below it, GraphQL beside it
#: (its documentation, "Forming calls with GraphQL").
_ENTERPRISE = "/api/v3"


class GitHub:
    """GitHub, or a GitHub Enterprise Server whose ``api_url`` ends in ``/api/v3``.

    ``token`` is sent with every request and shown nowhere; without one GraphQL cannot be asked.
    ``rest_root`` is where REST is below ``base_url``.
    """

    name = "github"

    def __init__(self, api_url: str | None, token: str | None, may_be_private: bool) -> None:
        url = (api_url or PUBLIC_URL).rstrip("/")
        is_enterprise = url.endswith(_ENTERPRISE)
        self.base_url = url.removesuffix("/v3") if is_enterprise else url
        self.rest_root = "/v3" if is_enterprise else ""
        self.public_url = self.base_url if is_enterprise else PUBLIC_URL
        self.may_be_private = may_be_private
        self.policy = quotas.policy(has_token=token is not None)
        self._token = token

    def headers(self) -> dict[str, str]:
        """What is sent with every request: media type, API version, authorisation."""
        sent = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": _VERSION}
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        return sent

    def readings(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        """What an answer's headers say of the limits."""
        return quotas.readings(reply, now)

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        """Until when nothing may be asked, if the answer says that a limit is spent.

        Or that the token is refused: who goes on is locked out (GitHub's documentation,
        "Failed login limit").
        """
        if reply.status == 401 and self._token is not None:
            return add_seconds(now, BAD_CREDENTIALS_SECONDS)
        return quotas.limited_until(reply, now)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        """Ask for every source of the batch; what needs no further request comes first."""
        parts = Parts(session, self.rest_root)
        due = [source for source in batch if source.is_check_due]
        if self._token is None:
            yield from each(due, session, lambda source, _: tokenless.one(source, parts))
        else:
            yield from _with_graphql(due, session, parts)
        for source in batch:
            if not source.is_check_due:
                yield source, _open_parts(source, session, parts)


def _with_graphql(batch: Sequence[Source], session: Session, parts: Parts) -> FetchResults:
    """All repositories by GraphQL, then the parts of those that have new commits."""
    incomplete = []
    for source, answer in graphql.ask(batch, session):
        if not isinstance(answer, tuple):
            yield source, answer
            continue
        repository, head = answer
        draft = Draft(source, session.context.now())
        draft.is_repository(repository, Provenance("graphql"))
        draft.is_at(head, Provenance("graphql", f"oid:{head.oid}" if head.oid else ""))
        if draft.open:
            incomplete.append(draft)
        else:
            yield source, draft.figures()
    for draft in incomplete:
        yield draft.source, parts.completed(draft)


def _open_parts(source: Source, session: Session, parts: Parts) -> FetchResult:
    """What the last answer left open, without asking what else has changed."""
    draft = Draft(source, session.context.now())
    if not draft.open:
        return Unchanged(state=source.state)
    return parts.completed(draft)

"""A host that is as plain as can be, to try a Session and a worker with."""

from datetime import datetime, timedelta

from chalicelib.refresh.fetch_result import (
    FetchResult,
    Figures,
    Gone,
    Moved,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.rate_limit_headers import parse_retry_after
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import get_int, get_member
from chalicelib.refresh.rate_limit import Policy, Rate

COST = {"hour": 1}


class Toy(Host):
    """``GET /ADDRESS`` answers ``{"stars": 7}``; ``{"moved": ADDRESS}`` beside it is a move."""

    name = "github"
    public_url = "https://toy.example"

    limit_prefix = "X-RateLimit"

    def __init__(
        self, url: str, *, limit: int = 1000, may_be_private: bool = True, batch: int = 10
    ) -> None:
        self._limit, self._batch = limit, batch
        super().__init__(url, "secret-token")
        self.may_be_private = may_be_private

    def build_policy(self, *, has_token: bool) -> Policy:
        return Policy({"hour": Rate(self._limit, 3600, self._limit // 2)}, 2, self._batch)

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        if reply.status != 429:
            return None
        return parse_retry_after(reply.headers, now) or now + timedelta(minutes=1)

    def fetch_one(self, source: Source, session: Session) -> FetchResult:
        reply = session.get(f"/{source.address}", cost=COST, etag=source.state.get("etag"))
        if reply.status == 304:
            return Unchanged(state=source.state)
        if reply.status == 404:
            return Gone("404 Not Found")
        if get_member(reply.json, "break"):
            raise RuntimeError("a fault of ours")
        token = f"etag:{reply.etag}" if reply.etag else ""
        values = {"repo_watchers": get_int(reply.json, "stars")}
        marks = {"repo_watchers": Provenance("toy", token)}
        state = {"etag": reply.etag}
        if moved := get_member(reply.json, "moved"):
            url = f"https://github.com/{moved}"
            return Moved(values=values, marks=marks, state=state, address=moved, url=url)
        return Figures(values=values, marks=marks, state=state)

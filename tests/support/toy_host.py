"""A host that is as plain as can be, to try a Session and a worker with."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.refresh.fetch_result import (
    FetchResult,
    FetchResults,
    Figures,
    Gone,
    Moved,
    Provenance,
    Source,
    Unchanged,
)
from chalicelib.refresh.http.client import Session
from chalicelib.refresh.http.fetch_each import each
from chalicelib.refresh.http.rate_limit_headers import parse_reading, parse_retry_after
from chalicelib.refresh.http.response import HostResponse
from chalicelib.refresh.json_fields import get_int, get_member
from chalicelib.refresh.rate_limit import Policy, Rate, Reading

COST = {"hour": 1}


class Toy:
    """``GET /ADDRESS`` answers ``{"stars": 7}``; ``{"moved": ADDRESS}`` beside it is a move."""

    name = "github"
    public_url = "https://toy.example"

    def __init__(
        self, url: str, *, limit: int = 1000, may_be_private: bool = True, batch: int = 10
    ) -> None:
        self.base_url = url
        self.may_be_private = may_be_private
        self.policy = Policy({"hour": Rate(limit, 3600, limit // 2)}, 2, batch)

    def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer secret-token"}

    def readings(self, reply: HostResponse, now: datetime) -> Sequence[Reading]:
        found = parse_reading(reply.headers, now, "hour", "X-RateLimit", is_epoch=False)
        return () if found is None else (found,)

    def limited_until(self, reply: HostResponse, now: datetime) -> datetime | None:
        if reply.status != 429:
            return None
        return parse_retry_after(reply.headers, now) or now + timedelta(minutes=1)

    def fetch(self, batch: Sequence[Source], session: Session) -> FetchResults:
        return each(batch, session, self._one)

    def _one(self, source: Source, session: Session) -> FetchResult:
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

"""A catalogue of 25 projects whose serials are asked for over HTTP."""

from typing import Any

from chalicelib.refresh.budget import SharedBudget
from chalicelib.refresh.fetch_result import PROJECT, FetchResult, Source
from chalicelib.refresh.hosts.index.package_index import PackageIndex
from chalicelib.refresh.hosts.index.serials import Serials, SerialsByName
from chalicelib.refresh.http.client import Session
from tests.support.upstream.asking import TODAY, USER_AGENT, FakeTime, asked, source
from tools.fakehosts.replay import Replay, ResponseParts, Routes
from tools.fakehosts.server import Response

NAMES = [f"tool-{number}" for number in range(25)]
SERIALS: dict[str, Any] = dict.fromkeys(NAMES, 50)


def sources(**states: Any) -> list[Source]:
    """A source of each of ``NAMES``, with serial 50 unless another state is given."""
    return [
        source(
            name,
            "index",
            place,
            kind=PROJECT,
            state=states.get(name.replace("-", "_"), {"serial": 50, "read_at": TODAY.isoformat()}),
        )
        for place, name in enumerate(NAMES, 1)
    ]


def serials_of(names: list[str] = NAMES) -> Serials:
    """As a new process has them."""
    return Serials(lambda: names)


def known(
    replay: Replay, serials: Serials, clock: FakeTime, **options: Any
) -> SerialsByName | None:
    """What a worker gets to know; ``seconds`` is the time that it has."""
    seconds = options.pop("seconds", None)
    index = PackageIndex(replay.url, None)
    session = Session(index, SharedBudget(), clock.context(seconds), USER_AGENT)
    try:
        return serials.read(session, **options)
    finally:
        session.close()


def fetched(
    replay: Replay, serials: Serials, batch: list[Source], clock: FakeTime | None = None
) -> dict[str, FetchResult]:
    """What comes of each project of a batch."""
    index = PackageIndex(replay.url, None, serials=serials)
    found = asked(index, batch, (clock or FakeTime()).context())
    return {wanted.address: found.outcomes[wanted.package.id] for wanted in batch}


def serving(*answers: ResponseParts | Response, **documents: ResponseParts) -> Any:
    """The root's answers in order, and one of each project named (``tool_3``)."""
    routes: Routes = {
        "GET /simple/": answers,
        **{f"GET /pypi/{name.replace('_', '-')}/json": [made] for name, made in documents.items()},
    }
    return Replay.from_routes(routes)

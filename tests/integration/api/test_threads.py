"""Many requests at once: each gets its own answer."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.support.api_client import ask

THREADS, ROUNDS = 8, 40


def _asked(port: int, thread: int, ids: list[int]) -> Iterator[tuple[int, int, str]]:
    """Pairs of the id asked for and the one answered, on one connection, and the link's host."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        for turn in range(ROUNDS):
            wanted = ids[(thread * 7 + turn) % len(ids)]
            headers = {"Host": f"thread-{thread}.example"}
            connection.request("GET", f"/api/v4/packages/{wanted}/", headers=headers)
            item = json.loads(connection.getresponse().read())
            yield wanted, item["id"], item["category"].split("/")[2]
    finally:
        connection.close()


def test_each_of_many_threads_gets_its_own_answers(site: int) -> None:
    ids = [item["id"] for item in ask(site, "/api/v4/packages/?limit=100").json["results"]]
    assert len(ids) > 50
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(
            pool.map(lambda thread: list(_asked(site, thread, ids)), range(THREADS), timeout=60)
        )
    for thread, found in enumerate(answers):
        assert len(found) == ROUNDS
        for wanted, answered, host in found:
            assert (answered, host) == (wanted, f"thread-{thread}.example")

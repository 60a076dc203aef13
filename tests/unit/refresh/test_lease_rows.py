"""The format of stored leases: they are read as written and stay small."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.refresh.leases import LEASE_SECONDS, MAX_LEASES
from chalicelib.storage import refresh_state as lease_rows
from chalicelib.storage.capacity import MAX_ITEM_BYTES
from chalicelib.storage.refresh_state import Lease
from chalicelib.storage.sources import DueSource
from tests.support.upstream.asking import TODAY


def unlike(randoms: Random, count: int, now: float) -> list[DueSource]:
    """Sources as unlike each other as they can be: digits and ids that no catalogue has."""
    ids = randoms.sample(range(2**31), count)
    dues = [now - randoms.uniform(0, 86_400 * 400) for _ in ids]
    return [DueSource(one, "repository", due, due) for one, due in zip(ids, dues, strict=True)]


@settings(max_examples=5, deadline=None)
@given(st.integers())
def test_an_item_of_leases_stays_far_below_what_dynamodb_takes(seed: int) -> None:
    randoms, now = Random(seed), TODAY.timestamp()
    found = unlike(randoms, MAX_LEASES, now)
    plans = [now + randoms.uniform(0, LEASE_SECONDS) for _ in range(12)]
    wanted = {one.package_id: Lease(one.due, randoms.choice(plans)) for one in found}
    assert len(lease_rows.pack_leases(wanted)) < 0.7 * MAX_ITEM_BYTES


@given(
    st.dictionaries(
        st.integers(1, 2**40),
        st.tuples(
            st.floats(0, 1e12, allow_nan=False), st.sampled_from([1.5, 1764000000.123456, 2e9])
        ),
        max_size=50,
    )
)
def test_leases_are_read_as_they_were_written(found: dict[int, tuple[float, float]]) -> None:
    wanted = {identifier: Lease(*values) for identifier, values in found.items()}
    assert lease_rows.unpack_leases(lease_rows.pack_leases(wanted)) == wanted

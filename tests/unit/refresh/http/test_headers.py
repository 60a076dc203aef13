"""What headers say of limits, in each dialect."""

from datetime import timedelta

import pytest

from chalicelib.refresh.http.rate_limit_headers import parse_reading, parse_retry_after
from tests.support.upstream.asking import TODAY

EPOCH = int(TODAY.timestamp())


@pytest.mark.parametrize(
    ("reset", "is_epoch", "seconds"),
    [
        (30, False, 31),
        (EPOCH + 30, True, 31),
        # Over by our clock: it is waited for a second all the same.
        (EPOCH - 30, True, 1),
        # An instant where seconds to go are the host's way, as a proxy before it may tell.
        (EPOCH + 30, False, 31),
        # Nobody is believed to mean more than a day.
        (10**6, False, 86_400),
        (EPOCH + 10**6, True, 86_400),
    ],
)
def test_the_end_of_a_window(reset: int, is_epoch: bool, seconds: int) -> None:
    told = {"X-Limit": "60", "X-Remaining": "0", "X-Reset": str(reset)}
    found = parse_reading(told, TODAY, "hour", "X", is_epoch=is_epoch)
    assert found is not None
    assert found.reset - TODAY == timedelta(seconds=seconds)


@pytest.mark.parametrize("missing", ["X-Limit", "X-Remaining", "X-Reset"])
@pytest.mark.parametrize("value", [None, "", "many", "-1", "1" * 20])
def test_a_limit_that_is_told_in_part_is_not_told(missing: str, value: str | None) -> None:
    told = {"X-Limit": "60", "X-Remaining": "0", "X-Reset": "30"} | {missing: value or ""}
    if value is None:
        del told[missing]
    assert parse_reading(told, TODAY, "hour", "X", is_epoch=False) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("Mon, 23 Nov 2026 12:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("9" * 30, 86_400),
        ("Fri, 23 Nov 2029 12:00:00 GMT", 86_400),
    ],
)
def test_retry_after(value: str, seconds: int) -> None:
    assert parse_retry_after({"Retry-After": value}, TODAY) == TODAY + timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"])
def test_a_retry_after_of_no_use(value: str) -> None:
    assert parse_retry_after({"Retry-After": value}, TODAY) is None

"""What is kept of an answer."""

import pytest

from chalicelib.refresh.http.response import HostResponse


@pytest.mark.parametrize("tag", ['"a"', 'W/"1 2"', '"' + "a" * 198 + '"'])
def test_a_tag_is_asked_with_as_it_came(tag: str) -> None:
    assert HostResponse(200, {"ETag": tag}).etag == tag


@pytest.mark.parametrize("tag", ["", '"' + "a" * 199 + '"', '"\xe9"', '"a"\r\n b', '"\x1b[2J"'])
def test_a_tag_that_is_long_or_odd_is_none(tag: str) -> None:
    assert HostResponse(200, {"ETag": tag}).etag is None

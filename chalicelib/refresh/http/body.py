"""Reading what a host sends: within bounds of size and time."""

import json
from collections.abc import Iterator
from dataclasses import replace

import requests

from chalicelib.refresh.http.deadline import Deadline
from chalicelib.refresh.http.failures import BadAnswer, Refused
from chalicelib.refresh.http.response import Reply

_CHUNK_BYTES = 1 << 16


def pieces(response: requests.Response, max_bytes: int, deadline: Deadline) -> Iterator[bytes]:
    """The decoded body; raises Refused when it is too large, BadAnswer when it takes too long."""
    size = 0
    while True:
        with deadline.bounding():
            piece = response.raw.read1(_CHUNK_BYTES, decode_content=True)
        size += len(piece)
        if size > max_bytes:
            raise Refused(f"a body of more than {max_bytes} bytes")
        # At the end too: a connection that was shut looks like the end of a body.
        deadline.check()
        if not piece:
            return
        yield piece


def with_json(reply: Reply) -> Reply:
    """The reply with the JSON of a 200; raises BadAnswer when it has none."""
    if reply.status != 200:
        return reply
    try:
        content = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("a body that is not JSON, or cut short") from error
    return replace(reply, json=content)

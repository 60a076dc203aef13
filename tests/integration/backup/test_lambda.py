"""The export as the schedule calls it, through Chalice."""

from typing import Any

import pytest
from chalice.test import Client

import app
from chalicelib.backup import manifest
from chalicelib.storage import objects
from tests.support import bucket as s3
from tests.support import state
from tests.support.exports import restore, wipe


def _tick(client: Client) -> object:
    return client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])


def test_what_it_writes_can_be_restored(stored: state.Rows) -> None:
    client = Client(app.app)
    client.lambda_.invoke("export", _tick(client))
    (found,) = manifest.iter_exports()
    assert (found.state, found.items) == (manifest.FINISHED, len(stored))
    wipe()
    restore(found.prefix)
    assert state.rows() == stored


def test_what_fails_is_raised_so_that_an_alarm_tells_of_it(stored: state.Rows) -> None:
    client = Client(app.app)
    with s3.failing(s3.client_error("AccessDenied", 403)), pytest.raises(objects.ObjectError):
        client.lambda_.invoke("export", _tick(client))


def test_a_write_whose_answer_was_lost_is_its_own(stored: state.Rows) -> None:
    def twice(name: str, arguments: Any, call: Any) -> Any:
        # As botocore tries again: S3 did it, the second time it says that it is there.
        if name == "PutObject":
            call()
        return call()

    client = Client(app.app)
    with s3.around_calls(twice):
        client.lambda_.invoke("export", _tick(client))
    (found,) = manifest.iter_exports()
    assert found.state == manifest.FINISHED

"""The schedule of the export."""

from typing import Any

from chalice.app import Rate

import app


def test_it_exports_once_a_day() -> None:
    wired: Any
    (wired,) = [source for source in app.app.event_sources if source.name == "export"]
    assert isinstance(wired.schedule_expression, Rate)
    assert wired.schedule_expression.to_string() == "rate(1 day)"

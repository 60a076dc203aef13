"""Answers out of a recording, to be served where ours are asked for."""

import json
from pathlib import Path
from typing import Any

from tools.fakehosts.replay import ResponseParts


def answers(har: Path, part: str) -> list[ResponseParts]:
    """The recorded answers of requests whose URL ends so; there is at least one."""
    found: list[ResponseParts] = [
        (
            entry["response"]["status"],
            {header["name"]: header["value"] for header in entry["response"]["headers"]},
            entry["response"]["content"].get("text", ""),
        )
        for entry in json.loads(har.read_text())["log"]["entries"]
        if entry["request"]["url"].endswith(part)
    ]
    assert found, f"{har.name} has no request of {part}"
    return found


def body(har: Path, part: str) -> Any:
    """The JSON of the first of them."""
    return json.loads(answers(har, part)[0][2])

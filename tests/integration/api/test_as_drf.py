"""Where an answer of ours once differed from REST Framework's, as the oracle found it."""

import html
import json
import re

import pytest

from tests.support.api_client import Reply, ask

TOO_MANY = "&".join(["a=1"] * 1001)


def _shown(reply: Reply) -> str:
    """The JSON in the block of a page, as a person reads it."""
    (block,) = re.findall(r"<pre[^>]*>(.*?)</pre>", reply.body.decode(), re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", "", block)).strip().partition("\n\n")[2]


@pytest.mark.parametrize(
    ("indent", "expected"),
    [("1", 1), ("8", 8), ("99", 8), ('" 5"', 5), ("x", 4), ("", 4), ("0", None), ("-3", None)],
)
def test_the_page_indents_as_asked(site: int, indent: str, expected: int | None) -> None:
    for path in ("", "packages/3708/", "packages/999999/", "grids/?limit=2"):
        accept = {"Accept": f"text/html; indent={indent}"}
        shown = _shown(ask(site, f"/api/v4/{path}", headers=accept))
        separators = (",", ":") if expected is None else (",", ": ")
        assert shown == json.dumps(
            json.loads(shown), ensure_ascii=False, indent=expected, separators=separators
        )


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        # With a suffix, the query is read for the links only; where there are none, it is not.
        ("categories/1.json", "GET", 200),
        ("categories/1/", "GET", 400),
        ("packages/3708.json", "GET", 400),
        ("packages/3708.json", "OPTIONS", 200),
        ("packages/3708.json", "POST", 405),
        ("packages/999999.json", "GET", 404),
        ("packages/3708.xml", "GET", 404),
        ("packages.json", "GET", 400),
        ("packages/", "OPTIONS", 400),
        ("packages", "GET", 301),
        (".json", "GET", 400),
        # A page reads it always.
        (".api", "OPTIONS", 400),
        ("categories/1.api", "GET", 400),
        ("packages/3708.api", "POST", 400),
        ("packages/999999.api", "GET", 400),
    ],
)
def test_too_many_parameters_matter_where_the_query_is_read(
    site: int, path: str, method: str, status: int
) -> None:
    assert ask(site, f"/api/v4/{path}?{TOO_MANY}", method).status == status

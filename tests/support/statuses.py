"""What a status means at the hosts that are asked repository by repository."""

import pytest

from chalicelib.refresh.fetch_result import Failed, Gone

each_status = pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Gone("404 Not Found")),
        (410, Gone("410 Gone")),
        (451, Gone("451 Unavailable For Legal Reasons")),
        (401, Failed("401 bad credentials")),
        (403, Failed("403 Forbidden")),
        (500, Failed("status 500")),
        (599, Failed("status 599")),
    ],
)

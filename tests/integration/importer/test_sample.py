"""The sample catalogue of the repository."""

from pathlib import Path

from chalicelib.catalog import queries
from chalicelib.catalog.json_body import resolve_links
from tests.support.fixtures import load_file
from tests.support.state import assert_sound, listed

_PRIVATE_CHAT = (
    '{"category":"https://djangopackages.org/api/v4/categories/1/",'
    '"grids":["https://djangopackages.org/api/v4/grids/109/",'
    '"https://djangopackages.org/api/v4/grids/116/",'
    '"https://djangopackages.org/api/v4/grids/45/"],'
    '"id":3708,"title":"django-private-chat","slug":"django-private-chat",'
    '"last_updated":"2021-03-21T03:02:32-04:00",'
    '"last_fetched":"2026-02-15T20:07:18.971996-05:00",'
    '"repo_url":"https://github.com/Bearle/django-private-chat","pypi_version":"0.3.0",'
    '"created":"2017-02-11T07:04:00.916360-05:00",'
    '"modified":"2026-01-28T15:00:13.727250-05:00","repo_forks":131,'
    '"repo_description":"(Deprecated - Please check out '
    "https://github.com/Bearle/django_private_chat2) Django one-to-one Websocket-based "
    'Asyncio-handled chat, developed by Bearle team",'
    '"pypi_url":"http://pypi.python.org/pypi/django-private-chat",'
    '"documentation_url":"https://django-private-chat.readthedocs.io/en/latest/",'
    '"repo_watchers":419,"commits_over_52":[' + ",".join("0" * 52) + "],"
    '"participants":["delneg","oleg-myltsyn","grantal","dependabot[bot]","GauravJ3","tr0nand",'
    '"mekicha","ineshbose","karinakozarova","MattBrown88","PetrMitsel","SimplyAhmazing","chayr",'
    '"idonoso","zsmith3"]}'
)


def test_the_sample_catalogue_loads_whole(tables: None, sample: Path) -> None:
    loaded = load_file(sample)
    assert loaded.refusals == []
    assert loaded.has_only("created")
    assert len(listed("packages")) >= 60
    assert listed("categories") == [5, 4, 3, 2, 1]
    assert len(listed("grids")) == 8
    assert_sound()
    body = queries.get_body_by_id("packages", 3708)
    assert body is not None
    assert resolve_links(body, "https://djangopackages.org/api/v4/", "/") == _PRIVATE_CHAT

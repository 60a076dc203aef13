"""A small directory with all that is odd but valid, as records that both sides load."""

from collections.abc import Iterator

from tests.support.fixtures import Json, category, grid, package, row, version

#: Slugs that need quoting in a path, look like something else, or no route leads to.
SLUGS = [
    "2048",
    "007",
    "CMS_Plugins",
    "cms_plugins",
    "with space",
    "naïve",
    "日本語",
    "🐍",
    "a;b=c&d",
    "100%",
    "%41",
    "c++",
    "~tilde!",
    "dots.in.it",
    "dots.json",
    "in/two",
    "Ünïcode-ß",
    "line\u2028end",
    "-1",
    "+1",
    "٤٢",
    "1_0",
    "null",
    "x" * 200,
]
HUGE = 2**63 - 1
#: With gaps, and far apart.
PACKAGE_IDS = [*range(1, 41), 45, 99, 100, 3708, 65_536, 2_147_483_648, HUGE]
GRID_IDS = [*range(1, 25), 65_535, HUGE]
_TITLES = [
    "App",
    "日本 “語”",
    "line\u2028end\u2029",
    'q"\\/<script>&amp;',
    "\t\n\x7f\u0080",
    "🐍 é",
]
#: Of most of these the page of REST Framework loses characters, where it makes links of them.
LINKED = [
    "Foo (https://x.example), bar.",
    "[docs](https://x.example/a_(b)); (see www.x.example).",
    "<(http://x.example/?a=b&c;)>. 'me@x.example)!' (example.com),",
    "https://x.example/]). (https://x.example/))))...",
]
_TEXTS = [*_TITLES, *LINKED]
#: Around both changes of New York's clocks, with and without microseconds, early and late.
_INSTANTS = [
    "2024-03-10T06:59:59.999999Z",
    "2024-03-10T07:00:00Z",
    "2024-11-03T05:30:00Z",
    "2024-11-03T06:30:00Z",
    "2024-07-01T12:00:00.000001Z",
    "2024-01-01T00:00:00.100000+05:30",
    "1970-01-01T00:00:00Z",
    "1883-11-18T12:00:00Z",
    "2099-07-01T00:00:00.5Z",
]


def records() -> Iterator[Json]:
    """Categories, packages, versions, grids and memberships, in that order."""
    for pk in range(1, 24):
        text = {"description": _of(_TEXTS, pk), "title_plural": _of(_TITLES, pk + 1)}
        yield category(pk, title=_of(_TITLES, pk), show_pypi=bool(pk % 3), **_stamps(pk), **text)
    for number, pk in enumerate(PACKAGE_IDS):
        yield _package(number, pk)
        if number % 3:
            yield version(1000 + number, pk, f"{number}.0rc1")
    for number, pk in enumerate(GRID_IDS):
        names = {"slug": SLUGS[number]} if number < len(SLUGS) else {}
        flags = {"is_locked": not number % 2, "header": not number % 3}
        title = f"{_of(_TITLES, number)} {number}"
        yield grid(pk, title=title, description=_of(_TEXTS, number), **flags, **names)
    yield from _memberships()


def _package(number: int, pk: int) -> Json:
    names = {"slug": SLUGS[number]} if number < len(SLUGS) else {}
    figures = {"repo_forks": number, "repo_watchers": 10**9 if number % 5 == 1 else 0}
    return package(
        pk,
        title=f"{_of(_TITLES, number)} {number:02}",
        category=number % 22 + 1,
        repo_description=[None, "", *_TEXTS][number % 12],
        pypi_url=[None, "", f"https://index.example/{number}"][number % 3],
        documentation_url=[None, "", "https://docs.example/é?a=(b)&c=<d>),"][number % 3],
        participants=[None, "", "a,b , ,c,", 'x"y,山田太郎,<b>'][number % 4],
        commits_over_52w=[] if number % 2 else list(range(52)),
        last_fetched=None if number % 4 == 1 else _of(_INSTANTS, number),
        last_commit_date=None if number % 4 == 2 else _of(_INSTANTS, number + 2),
        latest_version=1000 + number if number % 3 else None,
        **figures,
        **names,
        **_stamps(number),
    )


def _memberships() -> Iterator[Json]:
    """Every other package in a few grids, rows in no order; the first three grids stay empty."""
    pk = 500
    for number, package_pk in enumerate(PACKAGE_IDS[::2]):
        for step in (0, 7, 3)[: 1 + number % 3]:
            place = 3 + (number + step) % (len(GRID_IDS) - 3)
            yield row(pk, GRID_IDS[place], package_pk)
            pk = pk * 7 % 4099


def _stamps(number: int) -> dict[str, str]:
    return {"created": _of(_INSTANTS, number), "modified": _of(_INSTANTS, number + 1)}


def _of(values: list[str], number: int) -> str:
    return values[number % len(values)]

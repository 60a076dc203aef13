"""Measuring search: CPU of a query, time to open the index file, memory."""

import random
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from chalicelib.catalog.entities import Category, Grid, Package
from chalicelib.search.entries import build_entries
from chalicelib.search.index_file.reader import IndexFile
from chalicelib.search.index_file.writer import write_index
from chalicelib.search.searcher import search

_BUILT_AT = datetime(2026, 11, 23, 11, tzinfo=UTC)
_VOCABULARY = (
    "rest api auth admin forms cache celery channels storage tags blog cms commerce payments "
    "export import graphql search filter tables charts email sms push webhooks audit history "
    "versioning permissions roles social oauth saml ldap tokens throttling testing fixtures "
    "factory debug toolbar profiling logging metrics health tasks queue scheduler workflow state "
    "machine geo maps images thumbnails video uploads pdf csv excel markdown editor widgets "
    "bootstrap tailwind htmx react vue templates components i18n translation countries phone "
    "money currency invoices subscriptions calendar events booking polls comments ratings chat"
)
_FILLERS = "Django the for and with a to of package your simple models app support in"
_WORDS, _COMMON = _VOCABULARY.split(), _FILLERS.split()
#: Phrases of short prefixes that most entries have, the greatest number of lexemes with and
#: without prefix, and a phrase as long as a request allows.
_HARD_QUERIES = ("d_dj", "d_d", "3-d", "x-y-z", '"' + "django " * 200 + '"')
#: A process that serves, and searches if it gets an index file; prints its size and the unit.
_CHILD = """
import resource, sys
from pathlib import Path
import app, chalicelib.catalog.queries
if len(sys.argv) > 1:
    from chalicelib.search.searcher import search
    from chalicelib.search.index_file.reader import IndexFile
    index = IndexFile(Path(sys.argv[1]))
    for line in sys.stdin:
        search(index, line)
try:
    # The peak since the process was started; getrusage's is never below its parent's.
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0], 1 << 10)
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 1 << 20)
"""


def run(folder: Path, count: int) -> None:
    """Build an index file of ``count`` entries and print what it costs to use it."""
    path = folder / "index.sqlite"
    packages, grids = _build_packages(count - count // 60), _build_grids(count // 60)
    category = Category(
        id=1,
        title="App",
        slug="apps",
        description="",
        title_plural="Apps",
        show_pypi=True,
        created=_BUILT_AT,
        modified=_BUILT_AT,
    )
    start = time.process_time()
    write_index(path, build_entries(packages, grids, [category], _BUILT_AT))
    size = path.stat().st_size
    print(
        f"index file of {count:,} entries: {size:,} bytes, {time.process_time() - start:.1f} s CPU"
    )
    opened = statistics.median(_measure_opening(path) for _ in range(20))
    print(f"opening it: {opened * 1000:.1f} ms (limit 50)")
    queries = _build_queries(packages)
    index = IndexFile(path)
    for query in queries:
        search(index, query)
    seconds = sorted(_measure_cpu(index, query) for query in queries)
    worst, hardest = max((_measure_cpu(index, query), query[:20]) for query in _HARD_QUERIES)
    index.close()
    middle, late = statistics.median(seconds), seconds[len(seconds) * 99 // 100]
    print(
        f"search, {len(queries)} queries: median {middle * 1000:.2f} ms CPU (limit 5), "
        f"99 % within {late * 1000:.2f} ms, longest {seconds[-1] * 1000:.2f} ms"
    )
    print(f"worst of the hard queries: {worst * 1000:.1f} ms CPU ({hardest})")
    more = _measure_memory(queries, str(path)) - _measure_memory(queries)
    print(f"memory: {more:.1f} MB more than without search (limit 60)")


def _measure_opening(path: Path) -> float:
    start = time.perf_counter()
    index = IndexFile(path)
    seconds = time.perf_counter() - start
    index.close()
    return seconds


def _measure_cpu(index: IndexFile, query: str) -> float:
    start = time.process_time()
    search(index, query)
    return time.process_time() - start


def _measure_memory(queries: list[str], *arguments: str) -> float:
    process = subprocess.run(
        [sys.executable, "-c", _CHILD, *arguments],
        input="\n".join(queries),
        capture_output=True,
        text=True,
        check=True,
    )
    size, unit = map(int, process.stdout.split())
    return size / unit


def _build_packages(count: int) -> list[Package]:
    """Return the same packages each time; their words repeat as those of real ones do."""
    draw = random.Random(1)
    return [_build_package(number, draw) for number in range(1, count + 1)]


def _build_package(number: int, draw: random.Random) -> Package:
    # Six of ten packages start with the same word, as in Django's own directory.
    prefix = draw.choices(("django-", "drf-", "wagtail-", ""), (60, 10, 5, 25))[0]
    name = prefix + "-".join(draw.sample(_WORDS, draw.randint(1, 2)))
    title = f"{name}-{number}" if draw.random() < 0.5 else name
    words = (draw.choice(_COMMON if draw.random() < 0.5 else _WORDS) for _ in range(15))
    return Package(
        id=number,
        title=title,
        slug=f"{name}-{number}",
        category_id=1,
        created=_BUILT_AT,
        modified=_BUILT_AT,
        repo_description=" ".join(words),
        participants=",".join(f"developer-{draw.randint(1, 4000)}" for _ in range(8)),
        repo_watchers=int(draw.paretovariate(1)),
        repo_forks=int(draw.paretovariate(1)) // 3,
    )


def _build_grids(count: int) -> list[Grid]:
    return [
        Grid(
            id=number,
            title=f"{_WORDS[number % len(_WORDS)].title()} {number}",
            slug=f"grid-{number}",
            description="Packages to compare.",
            is_locked=False,
            header=False,
            created=_BUILT_AT,
            modified=_BUILT_AT,
        )
        for number in range(1, count + 1)
    ]


def _build_queries(packages: list[Package]) -> list[str]:
    """Return words, pairs of words, whole titles, prefixes, and titles with a typing error."""
    draw = random.Random(2)
    titles = [package.title for package in draw.sample(packages, 80)]
    slips = [title[:4] + title[5:6] + title[4:5] + title[6:] for title in titles[:40]]
    pairs = [" ".join(draw.sample(_WORDS, 2)) for _ in range(60)]
    return [*_WORDS, *pairs, *titles, *slips, "django", "dj", "dja", "django rest", "-django"]

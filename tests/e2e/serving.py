"""Steps: a catalogue is loaded through the bucket, and served through API Gateway."""

import gzip
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.contract.golden import Recorded, differences, out_of_scope, recordings
from tests.e2e.site import BASE_URL, Site
from tests.e2e.steps import Failed, check, say, until
from tests.e2e.world import Record

_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is loaded: a file, its records, and answers that were recorded of it, if there are."""

    file: Path
    records: list[Record]
    recorded: list[Recorded] = field(default_factory=list)
    #: The package that is looked at more closely; a repository at GitHub.
    watched: int = 3708

    @property
    def packages(self) -> dict[int, Record]:
        """The packages by id."""
        return {one["pk"]: one for one in self.records if one["model"] == "package.package"}


def load(site: Site, catalogue: Catalogue) -> None:
    """Put the catalogue into the bucket, and wait for what becomes of it."""
    name = catalogue.file.name
    site.s3.upload_file(str(catalogue.file), site.bucket, f"catalogues/{name}")
    outcome = site.outcome(name)
    wanted = ("loaded", 0)
    found = outcome["status"], outcome["refused"]
    check(found == wanted, f"the outcome is {outcome}", "load")
    # After the outcome it enrols the sources, and publishes the search index.
    until("the end of the load", lambda: site.runs("load"), 60, "load")
    created = outcome["counts"]["package.package"]["created"]
    check(created == len(catalogue.packages), f"{created} packages were created", "load")
    say(f"{created} packages; {outcome['counts']['grid.gridpackage']} memberships")


def serve(site: Site, catalogue: Catalogue) -> None:
    """Ask for one of each kind of answer."""
    count = len(catalogue.packages)
    page = site.json("/api/v4/packages/?limit=3&offset=1")
    ids = sorted(catalogue.packages, reverse=True)
    check(page["count"] == count, f"the list counts {page['count']}, not {count}", "api")
    check([one["id"] for one in page["results"]] == ids[1:4], "the list has others", "api")
    one = f"/api/v4/packages/{catalogue.watched}/"
    package = site.json(one)
    slug = catalogue.packages[catalogue.watched]["fields"]["slug"]
    check(package["slug"] == slug, f"{one} is {package['slug']}", "api")
    check(site.json(f"/api/v4/packages/{slug}/") == package, f"{slug}: not the same", "api")
    _statuses(site, one, f"/api/v4/packages/{ids[0] + 1}/")
    head, got = site.ask(one, "HEAD"), site.ask(one)
    check(head.headers["content-length"] == str(len(got.body)), "HEAD's length is not GET's")
    html = site.ask(one, Accept="text/html")
    check(b"<!DOCTYPE html>" in html.body[:200] or b"<!doctype html>" in html.body[:200], "no page")
    known = site.ask(one, **{"If-None-Match": got.headers["etag"]})
    check((known.status, known.body) == (304, b""), f"If-None-Match: {known.status}", "api")
    check(site.json(f"/api/v4/search/?q={slug}"), f"a search for {slug} finds nothing", "api")


def _statuses(site: Site, one: str, absent: str) -> None:
    wanted: Sequence[tuple[str, str, dict[str, str], int]] = (
        ("GET", absent, {}, 404),
        ("GET", "/nothing/of/ours", {}, 404),
        ("HEAD", one, {}, 200),
        ("OPTIONS", one, {}, 200),
        ("DELETE", one, {}, 405),
        ("PATCH", one, {}, 405),
        ("GET", one.rstrip("/"), {}, 301),
        ("GET", one, {"Accept": "image/png"}, 406),
        ("GET", one, {"Host": "somebody.example"}, 400),
    )
    for method, path, headers, status in wanted:
        reply = site.ask(path, method, **headers)
        what = (
            f"{method} {path} {headers or ''}: {reply.status}, not {status}: {reply.body[:200]!r}"
        )
        check(reply.status == status, what, "api")
        if status == 301:
            location = reply.headers["location"]
            check(location == one, f"the redirect leads to {location}", "api")


def compare(site: Site, catalogue: Catalogue) -> None:
    """Send all that was recorded; every answer is the recorded one, byte for byte.

    But for links: the stage stands in the path, so they are made of the parameter BaseUrl. Where
    a recording was asked by another host or scheme, its links are rewritten before.
    """
    in_scope = [one for one in catalogue.recorded if not out_of_scope(one)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        replies = list(pool.map(lambda one: site.send(one.request), in_scope))
    rewritten = 0
    for recorded, reply in zip(in_scope, replies, strict=True):
        found = differences(recorded, reply)
        if found and _base(recorded) != BASE_URL:
            rewritten += 1
            found = differences(_with_our_links(recorded), reply)
        if found:
            request = recorded.request
            what = f"{request['id']} {request['method']} {request['path'][:200]}"
            raise Failed("\n".join([f"{what}:", *found]), "api")
    say(f"{len(in_scope)} answers are as recorded, byte for byte")
    say(f"{rewritten} of them but for links: there they are of the request's host")
    say(f"{site.throttled} times throttled by the gateway, and asked again")


def _base(recorded: Recorded) -> str:
    """What the links of a recorded answer begin with."""
    headers = recorded.request["headers"]
    scheme = "https" if headers.get("X-Forwarded-Proto") == "https" else "http"
    return f"{scheme}://{headers.get('Host')}"


def _with_our_links(recorded: Recorded) -> Recorded:
    body = (recorded.body or "").replace(_base(recorded), BASE_URL)
    length = {"content-length": str(len(body.encode()))}
    return replace(recorded, body=body, headers=recorded.headers | length)


def catalogue_of(golden: Path, sample: Path) -> Catalogue:
    """The recorded catalogue, or the sample where there are no recordings."""
    if golden.is_dir():
        file = golden / "catalog_a.json.gz"
        records = json.loads(gzip.decompress(file.read_bytes()))
        return Catalogue(file, records, list(recordings(golden)))
    print(f"There are no recordings at {golden}: the sample is loaded, and nothing compared")
    records = json.loads(sample.read_text())
    urls = {
        one["pk"]: one["fields"]["repo_url"] for one in records if one["model"] == "package.package"
    }
    watched = next(id for id, url in urls.items() if url.startswith("https://github.com/"))
    return Catalogue(sample, records, watched=watched)

"""Everything that is measured, once, for all scenarios."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.cost.metering import Size, Used, metered, size_of
from bench.cost.refreshing import TABLES, Day, refresh
from bench.cost.serving import Served, serve
from chalicelib.local.engine import Engine
from chalicelib.refresh import enrolment
from chalicelib.search import publisher
from chalicelib.settings import Upstreams
from chalicelib.storage import models, objects
from tests.support import fixtures


@dataclass(frozen=True, slots=True)
class Measured:
    """``sizes`` are those of the catalogue's tables of ``packages``; ``segment`` is in bytes.

    ``publish`` and ``enrol`` are one run each, of a catalogue in which nothing is new.
    """

    packages: int
    served: list[Served]
    publish: Used
    segment: int
    enrol: Used
    sizes: dict[str, Size]
    day: Day


def measure(packages: int, refreshed: int, count: int) -> Measured:
    """Start an engine and measure: requests to ``packages``, a day over ``refreshed``."""
    with tempfile.TemporaryDirectory() as name, Engine(Path(name) / "state", persist=False) as own:
        os.environ.update(own.environment)
        return measured(Path(name), packages, refreshed, count)


def measured(folder: Path, packages: int, refreshed: int, count: int) -> Measured:
    """The same with the engine that the environment leads to; makes the tables, and drops them."""
    models.create_tables()
    objects.create_bucket()
    try:
        file = folder / "catalogue.json"
        fixtures.generate(file, packages)
        assert not fixtures.load_file(file).refusals
        with metered() as publish:
            published = publisher.publish()
        slugs = [item.slug for item in models.PackageItem.scan(attributes_to_get=["slug"])]
        served = serve(slugs, count)
        sizes = {
            kind: size_of(model.Meta.table_name)
            for kind, model in models.MODELS.items()
            if kind not in TABLES
        }
        enrolment.enrol(Upstreams(), 0.0)
        with metered() as enrol:
            enrolment.enrol(Upstreams(), 0.0)
    finally:
        _drop()
    models.create_tables()
    try:
        day = refresh(folder, refreshed)
    finally:
        _drop()
    return Measured(packages, served, publish, published.size, enrol, sizes, day)


def _drop() -> None:
    for model in models.MODELS.values():
        model.delete_table()

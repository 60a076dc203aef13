"""All measurements; they are made once, for all scenarios."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.cost.refresh_day import REFRESH_TABLES, RefreshDay, measure_refresh_day
from bench.cost.request_usage import RequestUsage, measure_requests
from bench.cost.usage_meter import TableSize, Usage, measure_table, measure_usage
from chalicelib.local.engine import Engine
from chalicelib.refresh import enrolment
from chalicelib.search import publisher
from chalicelib.settings import Upstreams
from chalicelib.storage import models, objects
from tests.support import fixtures


@dataclass(frozen=True, slots=True)
class Measurements:
    """The measured usage of a catalogue of ``packages`` packages.

    ``publish`` and ``enrol`` are one run each over an unchanged catalogue. ``index_bytes`` is the
    size of the index file, and ``sizes`` are those of the catalogue's tables.
    """

    packages: int
    served: list[RequestUsage]
    publish: Usage
    index_bytes: int
    enrol: Usage
    sizes: dict[str, TableSize]
    day: RefreshDay


def measure(packages: int, refreshed: int, count: int) -> Measurements:
    """Start an engine; measure requests to ``packages`` and a refresh day of ``refreshed``."""
    with tempfile.TemporaryDirectory() as name, Engine(Path(name) / "state", persist=False) as own:
        os.environ.update(own.environment)
        return measure_on_engine(Path(name), packages, refreshed, count)


def measure_on_engine(folder: Path, packages: int, refreshed: int, count: int) -> Measurements:
    """Do the same on the engine of the environment; create the tables and delete them."""
    models.create_tables()
    objects.create_bucket()
    try:
        file = folder / "catalogue.json"
        fixtures.generate(file, packages)
        assert not fixtures.load_file(file).refusals
        with measure_usage() as publish:
            published = publisher.publish()
        slugs = [item.slug for item in models.PackageItem.scan(attributes_to_get=["slug"])]
        served = measure_requests(slugs, count)
        sizes = {
            kind: measure_table(model.Meta.table_name)
            for kind, model in models.MODELS.items()
            if kind not in REFRESH_TABLES
        }
        enrolment.enrol(Upstreams(), 0.0)
        with measure_usage() as enrol:
            enrolment.enrol(Upstreams(), 0.0)
    finally:
        _drop()
    models.create_tables()
    try:
        day = measure_refresh_day(folder, refreshed)
    finally:
        _drop()
    return Measurements(packages, served, publish, published.size, enrol, sizes, day)


def _drop() -> None:
    for model in models.MODELS.values():
        model.delete_table()

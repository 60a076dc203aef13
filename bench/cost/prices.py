"""The table of prices, ``prices.json``: every price has a unit, a source and a date."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

PRICES_FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class Tier:
    """``usd`` for each unit up to ``up_to`` units a month; ``None`` is for all the rest."""

    up_to: float | None
    usd: float


@dataclass(frozen=True, slots=True)
class Price:
    """One row of the table.

    ``usd`` of the tiers is for ``per`` single units (a million requests, a GB). ``always_free``
    single units a month cost nothing; bills do not subtract them.
    """

    key: str
    service: str
    unit: str
    per: float
    tiers: tuple[Tier, ...]
    looked_up: date
    source: str
    always_free: float

    def compute_usd(self, quantity: float) -> float:
        """Return the cost of single units in a month, each tier at its own price."""
        total, below = 0.0, 0.0
        for tier in self.tiers:
            top = quantity if tier.up_to is None else min(quantity, tier.up_to)
            total += max(0.0, top - below) * tier.usd / self.per
            below = max(below, top)
        return total

    @property
    def first(self) -> float:
        """The price of the first tier."""
        return self.tiers[0].usd


@dataclass(frozen=True, slots=True)
class Prices:
    """The whole table."""

    region: str
    rows: Mapping[str, Price]

    def __getitem__(self, key: str) -> Price:
        return self.rows[key]

    @property
    def dates(self) -> tuple[date, date]:
        """The first and the last day on which prices were looked up."""
        days = [row.looked_up for row in self.rows.values()]
        return min(days), max(days)


@cache
def read_prices() -> Prices:
    """Return the table; raise KeyError or ValueError if a row is incomplete."""
    content = json.loads(PRICES_FILE.read_text())
    rows = [
        Price(
            key=raw["key"],
            service=raw["service"],
            unit=raw["unit"],
            per=float(raw["per"]),
            tiers=tuple(Tier(tier["up_to"], float(tier["usd"])) for tier in raw["tiers"]),
            looked_up=date.fromisoformat(raw["looked_up"]),
            source=raw["source"],
            always_free=float(raw["always_free"]),
        )
        for raw in content["prices"]
    ]
    return Prices(content["region"], {row.key: row for row in rows})

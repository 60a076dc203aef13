"""A bill: lines of a quantity and a price, and their sum."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.cost.prices import Price, Prices, prices

GATEWAY = "gateway.requests"


@dataclass(frozen=True, slots=True)
class Line:
    """So much of one thing in a month."""

    what: str
    quantity: float
    price: Price

    @property
    def usd(self) -> float:
        """What it costs."""
        return self.price.usd(self.quantity)


@dataclass(slots=True)
class Bill:
    """The lines of one scenario; ``notes`` are what a reader must know of them."""

    title: str
    table: Prices = field(default_factory=prices)
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, key: str, quantity: float) -> None:
        """Add a line, unless there is nothing of it."""
        if quantity:
            self.lines.append(Line(what, quantity, self.table[key]))

    @property
    def usd(self) -> float:
        """The total."""
        return sum(line.usd for line in self.lines)

    def usd_of(self, *keys: str) -> float:
        """What the lines with these prices, or of services that start so, cost together."""
        return sum(line.usd for line in self.lines if line.price.key.startswith(keys))

    @property
    def usd_beyond_free(self) -> float:
        """The total less what AWS gives every account for nothing, month after month."""
        quantities: dict[str, float] = {}
        for line in self.lines:
            key = line.price.key
            quantities[key] = quantities.get(key, 0.0) + line.quantity
        rows = [(self.table[key], quantity) for key, quantity in quantities.items()]
        return sum(row.usd(max(0.0, quantity - row.always_free)) for row, quantity in rows)

    @property
    def gateway_share(self) -> float:
        """API Gateway's part of the total."""
        return self.usd_of(GATEWAY) / self.usd if self.usd else 0.0

    def as_json(self) -> dict[str, Any]:
        """All of it, for machines."""
        return {
            "title": self.title,
            "usd": round(self.usd, 4),
            "usd_beyond_free": round(self.usd_beyond_free, 4),
            "gateway_share": round(self.gateway_share, 4),
            "lines": [
                {
                    "what": line.what,
                    "price": line.price.key,
                    "quantity": line.quantity,
                    "usd": round(line.usd, 6),
                }
                for line in self.lines
            ],
            "notes": self.notes,
        }


def table(bill: Bill) -> Iterable[str]:
    """The bill as lines of a Markdown table."""
    yield "| | Quantity | Unit | USD a unit | USD | Share |"
    yield "| --- | ---: | --- | ---: | ---: | ---: |"
    for line in bill.lines:
        share = line.usd / bill.usd if bill.usd else 0.0
        amount = line.quantity / line.price.per
        first = f"{line.price.first:.10f}".rstrip("0").rstrip(".")
        tiers = " on" if len(line.price.tiers) > 1 and line.quantity > _first_tier(line) else ""
        yield (
            f"| {line.what} | {_number(amount)} | {line.price.unit} | {first}{tiers} | "
            f"{line.usd:,.2f} | {share:.0%} |"
        )
    yield f"| **Total** | | | | **{bill.usd:,.2f}** | API Gateway {bill.gateway_share:.0%} |"


def _first_tier(line: Line) -> float:
    top = line.price.tiers[0].up_to
    return float("inf") if top is None else top


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:.3g}"

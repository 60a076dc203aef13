"""A bill: lines with a quantity and a price, and their sum."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.cost.prices import Price, Prices, read_prices

GATEWAY = "gateway.requests"


@dataclass(frozen=True, slots=True)
class Line:
    """The quantity of one thing in a month."""

    what: str
    quantity: float
    price: Price

    @property
    def usd(self) -> float:
        """The cost of the line."""
        return self.price.compute_usd(self.quantity)


@dataclass(slots=True)
class Bill:
    """The lines of one scenario; ``notes`` are warnings for the reader."""

    title: str
    table: Prices = field(default_factory=read_prices)
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, key: str, quantity: float) -> None:
        """Add a line, unless the quantity is 0."""
        if quantity:
            self.lines.append(Line(what, quantity, self.table[key]))

    @property
    def usd(self) -> float:
        """The total."""
        return sum(line.usd for line in self.lines)

    def sum_usd(self, *keys: str) -> float:
        """Return the cost of the lines whose price keys begin with one of ``keys``."""
        return sum(line.usd for line in self.lines if line.price.key.startswith(keys))

    @property
    def usd_beyond_free(self) -> float:
        """The total after the monthly allowances that AWS gives every account without end."""
        quantities: dict[str, float] = {}
        for line in self.lines:
            key = line.price.key
            quantities[key] = quantities.get(key, 0.0) + line.quantity
        rows = [(self.table[key], quantity) for key, quantity in quantities.items()]
        return sum(row.compute_usd(max(0.0, quantity - row.always_free)) for row, quantity in rows)

    @property
    def gateway_share(self) -> float:
        """API Gateway's share of the total."""
        return self.sum_usd(GATEWAY) / self.usd if self.usd else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the bill as plain values."""
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


def format_table(bill: Bill) -> Iterable[str]:
    """Yield the lines of a bill as a Markdown table."""
    yield "| | Quantity | Unit | USD a unit | USD | Share |"
    yield "| --- | ---: | --- | ---: | ---: | ---: |"
    for line in bill.lines:
        share = line.usd / bill.usd if bill.usd else 0.0
        amount = line.quantity / line.price.per
        first = f"{line.price.first:.10f}".rstrip("0").rstrip(".")
        tiers = " on" if len(line.price.tiers) > 1 and line.quantity > _get_first_tier(line) else ""
        yield (
            f"| {line.what} | {_format_number(amount)} | {line.price.unit} | {first}{tiers} | "
            f"{line.usd:,.2f} | {share:.0%} |"
        )
    yield f"| **Total** | | | | **{bill.usd:,.2f}** | API Gateway {bill.gateway_share:.0%} |"


def _get_first_tier(line: Line) -> float:
    top = line.price.tiers[0].up_to
    return float("inf") if top is None else top


def _format_number(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:.3g}"

"""Calls between modules are counted, on a small package made for each test."""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.trace_modules import Trace, Tracer, format_modules, format_traces

FILES = {
    "traced_shop/__init__.py": "",
    "traced_shop/orders.py": (
        "from traced_shop import prices, stock\n"
        "def pay():\n"
        "    _check()\n"
        "    return prices.get() + prices.get()\n"
        "def _check():\n"
        "    stock.count()\n"
        "def pay_late():\n"
        "    from traced_shop import late\n"
        "    return late.get()\n"
    ),
    "traced_shop/prices.py": (
        "from traced_shop import stock\ndef get():\n    return stock.count()\n"
    ),
    "traced_shop/stock.py": "def count():\n    return 1\n",
    "traced_shop/late.py": (
        "def _build():\n    return 2\nVALUE = _build()\ndef get():\n    return VALUE\n"
    ),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the package, from which it can be imported."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("traced_shop")]:
        del sys.modules[name]


def _record(root: Path, run: Callable[[Any], object], **options: Any) -> Trace:
    orders = importlib.import_module("traced_shop.orders")
    with Tracer(root, "traced_shop", **options).record() as trace:
        run(orders)
    return trace


def test_calls_within_a_module_are_no_switches(root: Path) -> None:
    trace = _record(root, lambda orders: orders.pay())
    assert trace.calls == {
        "traced_shop.orders": 2,
        "traced_shop.stock": 3,
        "traced_shop.prices": 2,
    }
    assert trace.switches == {
        ("traced_shop.orders", "traced_shop.stock"): 1,
        ("traced_shop.orders", "traced_shop.prices"): 2,
        ("traced_shop.prices", "traced_shop.stock"): 2,
    }


def test_a_scope_records_only_what_runs_beneath_it(root: Path) -> None:
    trace = _record(root, lambda orders: orders.pay(), scope=["traced_shop.prices"])
    assert trace.calls == {"traced_shop.prices": 2, "traced_shop.stock": 2}
    assert trace.switches.total() == 2


def test_excluded_modules_are_left_out(root: Path) -> None:
    trace = _record(root, lambda orders: orders.pay(), excluded=["traced_shop.prices"])
    assert trace.calls == {"traced_shop.orders": 2, "traced_shop.stock": 3}
    assert trace.switches == {("traced_shop.orders", "traced_shop.stock"): 3}


def test_code_that_runs_at_import_is_left_out(root: Path) -> None:
    trace = _record(root, lambda orders: orders.pay_late())
    assert trace.calls == {"traced_shop.orders": 1, "traced_shop.late": 1}


def test_threads_of_the_block_are_recorded(root: Path) -> None:
    def run(orders: Any) -> None:
        thread = threading.Thread(target=orders.pay)
        thread.start()
        thread.join()

    trace = _record(root, run)
    assert trace.calls["traced_shop.orders"] == 2
    assert sys.getprofile() is None


def test_a_trace_survives_json_and_is_printed(root: Path) -> None:
    trace = _record(root, lambda orders: orders.pay())
    assert Trace.from_json(trace.as_json()) == trace
    assert format_traces({"paying": trace}).splitlines()[1].split() == ["paying", "3", "5"]
    assert "       2 traced_shop.prices" in format_modules({"paying": trace}).splitlines()

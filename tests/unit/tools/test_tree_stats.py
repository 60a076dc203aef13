"""The measurements of a codebase, on small trees made for each test."""

from pathlib import Path

import pytest

from tools import tree_stats

FILES = {
    "shop/__init__.py": '"""A shop."""\n',
    "shop/orders.py": (
        '"""Whether an order is paid."""\n'
        "from shop import prices\n"
        "from shop.stock import shelf\n"
        "def pay():\n"
        '    """Pay."""\n'
    ),
    "shop/prices.py": "def get():\n" + "    pass\n" * 40,
    "shop/stock/__init__.py": "from .shelf import Shelf\n",
    "shop/stock/shelf.py": 'class Shelf:\n    """What holds goods."""\n',
    "shop/web/shelf.py": "from ..orders import pay\nimport shop.prices\n",
    "shop/tests/test_orders.py": "from shop import orders\n",
    "tests/__init__.py": "",
}


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_sizes_are_those_of_modules_with_code(tmp_path: Path) -> None:
    stats = tree_stats.measure(_write(tmp_path, FILES))
    assert stats.sizes == {
        "shop.orders": 5,
        "shop.prices": 41,
        "shop.stock": 1,
        "shop.stock.shelf": 2,
        "shop.web.shelf": 2,
    }
    assert stats.median == 2
    assert (stats.count_sizes(below=3), stats.count_sizes(at_least=5)) == (3, 2)


def test_names_docstrings_and_functions_are_counted(tmp_path: Path) -> None:
    stats = tree_stats.measure(_write(tmp_path, FILES))
    assert stats.repeated_basenames == {"shelf": ["shop.stock.shelf", "shop.web.shelf"]}
    assert stats.docstrings == 4
    assert stats.question_docstrings == [
        "shop.orders:1: Whether an order is paid.",
        "shop.stock.shelf:1: What holds goods.",
    ]
    assert stats.functions == 2
    assert stats.long_functions == {"shop.prices:1 get": 41}


def test_importers_are_found_by_absolute_and_relative_imports(tmp_path: Path) -> None:
    stats = tree_stats.measure(_write(tmp_path, FILES))
    # prices and shelf are imported by two modules, orders by one.
    assert stats.single_importers == {"shop.orders": "shop.web.shelf"}


def test_packages_are_found_in_src_and_can_be_named(tmp_path: Path) -> None:
    _write(tmp_path / "src", {"a/__init__.py": "", "a/x.py": "x = 1\n", "b/__init__.py": "y = 1\n"})
    assert set(tree_stats.measure(tmp_path).sizes) == {"a.x", "b"}
    assert set(tree_stats.measure(tmp_path, ["a"]).sizes) == {"a.x"}


def test_the_command_prints_figures_and_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tree_stats.main(["--root", str(_write(tmp_path, FILES)), "--list"]) == 0
    output = capsys.readouterr().out
    assert "docstrings that begin with a question word       2 (50%)" in output
    assert "shop.orders by shop.web.shelf" in output


def test_a_checkout_without_packages_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tree_stats.main(["--root", str(tmp_path)]) == 2
    assert "no Python packages" in capsys.readouterr().err

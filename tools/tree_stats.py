"""Measure how a codebase is laid out: module sizes, names used twice, docstrings, imports.

    python -m tools.tree_stats [--root CHECKOUT] [--package NAME ...] [--list]

Only the standard library is needed, and the code is parsed but not imported, so the tool works on
a checkout of any project. Without ``--package``, the packages at the top of the checkout (or of
its ``src`` folder) are measured, except tests, documents and the like.
"""

import argparse
import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SMALL_MODULE = 80
LARGE_MODULE = 300
LONG_FUNCTION = 40
#: A docstring that begins with one of these words is a question or a riddle.
QUESTION_WORDS = frozenset(("What", "Whether", "Where", "Who", "How", "Which"))
_TESTS = ("test", "tests")
_NOT_PRODUCT = ("bench", "build", "deploy", "dist", "doc", "docs", "scripts", "tools", *_TESTS)

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Documented = ast.Module | ast.ClassDef | _Function


@dataclass(frozen=True, slots=True)
class Module:
    """A parsed module; ``name`` is dotted, ``lines`` counts all lines of the file."""

    name: str
    is_package: bool
    lines: int
    tree: ast.Module

    @property
    def basename(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class TreeStats:
    """The measurements of one codebase."""

    sizes: dict[str, int]
    repeated_basenames: dict[str, list[str]]
    docstrings: int
    question_docstrings: list[str]
    functions: int
    long_functions: dict[str, int]
    single_importers: dict[str, str]

    @property
    def median(self) -> float:
        """The median number of lines of a module."""
        return statistics.median(self.sizes.values()) if self.sizes else 0.0

    def count_sizes(self, at_least: int = 0, below: int = sys.maxsize) -> int:
        """Count the modules with at least and fewer than so many lines."""
        return sum(at_least <= lines < below for lines in self.sizes.values())


def measure(root: Path, packages: Sequence[str] = ()) -> TreeStats:
    """Measure packages of a checkout; raise FileNotFoundError if it has none."""
    modules = _parse_packages(root, packages)
    # A package's __init__.py that holds no code is not a module that anyone opens.
    with_code = [module for module in modules if not module.is_package or _has_code(module.tree)]
    docstrings = [(name, text) for module in modules for name, text in _iter_docstrings(module)]
    functions = [pair for module in modules for pair in _iter_functions(module)]
    return TreeStats(
        sizes={module.name: module.lines for module in with_code},
        repeated_basenames=_find_repeated_basenames(modules),
        docstrings=len(docstrings),
        question_docstrings=[
            f"{name}: {text.splitlines()[0]}" for name, text in docstrings if _is_question(text)
        ],
        functions=len(functions),
        long_functions={name: lines for name, lines in functions if lines > LONG_FUNCTION},
        single_importers=_find_single_importers(modules),
    )


def _parse_packages(root: Path, packages: Sequence[str]) -> list[Module]:
    source = root / "src" if (root / "src").is_dir() else root
    names = list(packages) or sorted(
        path.parent.name
        for path in source.glob("*/__init__.py")
        if path.parent.name not in _NOT_PRODUCT
    )
    modules = [
        _parse_module(path, source)
        for name in names
        for path in sorted((source / name).rglob("*.py"))
        if not set(path.relative_to(source).parts).intersection(_TESTS)
    ]
    if not modules:
        raise FileNotFoundError(f"no Python packages in {source}")
    return modules


def _parse_module(path: Path, source: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    parts = path.relative_to(source).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, is_package, len(text.splitlines()), ast.parse(text))


def _has_code(tree: ast.Module) -> bool:
    return any(
        not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )


def _find_repeated_basenames(modules: Sequence[Module]) -> dict[str, list[str]]:
    names = defaultdict(list)
    for module in modules:
        names[module.basename].append(module.name)
    return {base: full for base, full in sorted(names.items()) if len(full) > 1}


def _iter_docstrings(module: Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, _Documented) and (text := ast.get_docstring(node)):
            line = getattr(node, "lineno", 1)
            yield f"{module.name}:{line}", text


def _is_question(docstring: str) -> bool:
    return docstring.partition(" ")[0].strip(".,:;?").capitalize() in QUESTION_WORDS


def _iter_functions(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        if isinstance(node, _Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{module.name}:{node.lineno} {node.name}", lines


def _find_single_importers(modules: Sequence[Module]) -> dict[str, str]:
    """Return the modules that exactly one other module imports, with that importer."""
    names = {module.name for module in modules}
    importers = defaultdict(set)
    for module in modules:
        for imported in _iter_imports(module, names):
            if imported != module.name:
                importers[imported].add(module.name)
    leaves = {module.name for module in modules if not module.is_package}
    return {
        name: next(iter(by))
        for name, by in sorted(importers.items())
        if len(by) == 1 and name in leaves
    }


def _iter_imports(module: Module, names: set[str]) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom):
            base = _resolve(module, node)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                if full in names or base in names:
                    yield full if full in names else base


def _resolve(module: Module, node: ast.ImportFrom) -> str:
    """Return the absolute name of the module that a ``from`` import names."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - module.is_package
    parent = parts[: len(parts) - up] if up else parts
    return ".".join([*parent, *filter(None, [node.module])])


def format_stats(stats: TreeStats) -> str:
    """Return the measurements as aligned lines of text."""
    total = sum(stats.sizes.values())
    questions = len(stats.question_docstrings)
    share = questions / stats.docstrings if stats.docstrings else 0.0
    rows = [
        ("modules with code", f"{len(stats.sizes)}"),
        ("lines", f"{total:,}"),
        ("lines of a module, median", f"{stats.median:g}"),
        (f"modules under {SMALL_MODULE} lines", f"{stats.count_sizes(below=SMALL_MODULE)}"),
        (f"modules over {LARGE_MODULE} lines", f"{stats.count_sizes(LARGE_MODULE + 1)}"),
        ("modules imported by one other only", f"{len(stats.single_importers)}"),
        ("basenames used more than once", f"{len(stats.repeated_basenames)}"),
        ("docstrings", f"{stats.docstrings:,}"),
        ("docstrings that begin with a question word", f"{questions} ({share:.0%})"),
        ("functions", f"{stats.functions:,}"),
        (f"functions over {LONG_FUNCTION} lines", f"{len(stats.long_functions)}"),
    ]
    return "\n".join(f"{label:<44}{value:>12}" for label, value in rows)


def format_lists(stats: TreeStats) -> str:
    """Return the names behind the measurements."""
    sections = {
        "Modules": [f"{lines:5} {name}" for name, lines in stats.sizes.items()],
        "Basenames used more than once": [
            f"{base}: {', '.join(names)}" for base, names in stats.repeated_basenames.items()
        ],
        "Docstrings that begin with a question word": stats.question_docstrings,
        f"Functions over {LONG_FUNCTION} lines": [
            f"{lines:5} {name}" for name, lines in Counter(stats.long_functions).most_common()
        ],
        "Modules imported by one other only": [
            f"{name} by {importer}" for name, importer in stats.single_importers.items()
        ],
    }
    return "\n".join(
        f"\n{title}\n" + "\n".join(f"  {line}" for line in lines)
        for title, lines in sections.items()
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the measurements of a checkout; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.tree_stats", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout to measure")
    parser.add_argument("--package", action="append", default=[], help="a package to measure")
    parser.add_argument("--list", action="store_true", help="also list what was counted")
    options = parser.parse_args(arguments)
    try:
        stats = measure(options.root, options.package)
    except (OSError, SyntaxError) as error:
        print(f"tree_stats: {error}", file=sys.stderr)
        return 2
    print(format_stats(stats))
    if options.list:
        print(format_lists(stats))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Libraries of the package that have no pure Python to fall back on, for this machine.

The package has them built for the functions' machines. To run it here, this machine's build is put
beside that one: Python imports the module whose name ends in its own tag, and nothing is replaced.
"""

import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

NATIVE = ("msgspec",)


def iter_builds() -> Iterator[tuple[str, bytes]]:
    """Yield name in the package and content of each native module as it is installed here."""
    for library in NATIVE:
        folder = Path(import_module(library).__path__[0])
        for path in sorted(folder.rglob("*.so")):
            yield f"{library}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def add_to_folder(folder: Path) -> None:
    """Add this machine's builds to a package that was unpacked."""
    for name, content in iter_builds():
        (folder / name).write_bytes(content)


def add_to_package(package: Path) -> None:
    """Add this machine's builds to a package (a ZIP file)."""
    with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as archive:
        known = set(archive.namelist())
        for name, content in iter_builds():
            if name not in known:
                archive.writestr(name, content)

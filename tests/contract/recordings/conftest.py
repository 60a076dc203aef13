"""The recordings, which lie outside the repository: without them nothing here is collected."""

from pathlib import Path

import pytest

_MISSING = "the recordings of upstreams were not tested: name their folder by --recordings=DIR"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the folder's tests alone, unless ``--recordings=DIR`` tells where they are."""
    return True if config.getoption("--recordings") is None else None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say that they were left alone (to whoever asks for the folder; not in parallel runs)."""
    if config.getoption("--recordings") is None:
        terminalreporter.write_line(_MISSING)


@pytest.fixture(scope="session")
def recordings(request: pytest.FixtureRequest) -> Path:
    """The folder of HAR files."""
    folder: Path | None = request.config.getoption("--recordings")
    if folder is None:
        # A file that is named on the command line is collected all the same.
        pytest.skip(_MISSING)
    assert any(folder.glob("*.har")), f"there are no recordings in {folder}"
    return folder

"""Every scenario runs on this checkout and passes through the modules that its name promises."""

from pathlib import Path

from tools.trace_modules import SCENARIOS, run_traces

ROOT = Path(__file__).parents[3]


def test_every_scenario_is_traced() -> None:
    traces = run_traces(ROOT)
    assert list(traces) == [scenario.name for scenario in SCENARIOS]
    for name, package in (
        ("a detail", "chalicelib.api"),
        ("a search", "chalicelib.search"),
        ("a loaded record", "chalicelib.importer"),
        ("a refreshed package", "chalicelib.refresh.hosts"),
    ):
        assert any(module.startswith(package) for module in traces[name].calls), name
        assert traces[name].switches
    # Recording begins where the scope says, not at the command.
    assert "chalicelib.catalog.changes" not in traces["a detail"].calls
    assert not any(
        module.startswith("chalicelib.api") for module in traces["a loaded record"].calls
    )

"""A pytest plugin that checks the calls of every test, and of the whole suite, against policies."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from tools.iamcheck import least_privilege, policies, recorder
from tools.iamcheck.policies import Grant

_WORKER_OUTPUT_KEY = "iam_used"
#: Options of pytest that leave tests out.
_SELECTION_OPTIONS = (
    "collectonly",
    "deselect",
    "ignore",
    "ignore_glob",
    "keyword",
    "last_failed",
    "lf",
    "markexpr",
    "maxfail",
    "stepwise",
)
_faults = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Install the recorder before the first test module is imported."""
    recorder.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test in which a policy refused a call, even if the code handled the error."""
    report = yield
    if refusals := recorder.take_refusals():
        text = "\n".join(dict.fromkeys(refusals))
        if report.outcome == "passed":
            report.outcome = "failed"
            report.longrepr = f"Refused by .chalice/policies:\n{text}"
        else:
            report.sections.append(("Refused by .chalice/policies", text))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the grants that a worker of pytest-xdist used."""
    for grant in json.loads(getattr(node, "workeroutput", {}).get(_WORKER_OUTPUT_KEY, "[]")):
        recorder.used_grants.add(Grant(*grant))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run of the whole suite in which a grant was used by no test."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_WORKER_OUTPUT_KEY] = json.dumps(sorted(recorder.used_grants))
    elif exitstatus == 0 and _is_whole(session.config):
        faults = list(
            least_privilege.iter_faults(
                policies.get_all_grants(),
                recorder.used_grants,
                least_privilege.read_justifications(),
            )
        )
        session.config.stash[_faults] = faults
        if faults:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the grants that no test used."""
    if faults := config.stash.get(_faults, []):
        terminalreporter.section("Policies that are not minimal (tools/iamcheck)", red=True)
        for fault in faults:
            terminalreporter.line(fault, red=True)


def _is_whole(config: pytest.Config) -> bool:
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return False
    return not any(config.getoption(name, None) for name in _SELECTION_OPTIONS)

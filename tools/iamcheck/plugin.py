"""The plugin that holds every test of the suite, and the suite as a whole, to the policies."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from tools.iamcheck import least_privilege, policies, recorder
from tools.iamcheck.policies import Grant

_OUTPUT = "iam_used"
#: Options that leave tests out.
_SELECTING = (
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
    """Watch from before the first module of tests is imported."""
    recorder.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test in which a policy refused something fails, whatever the code made of it."""
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
    """Take what a worker used."""
    for grant in json.loads(getattr(node, "workeroutput", {}).get(_OUTPUT, "[]")):
        recorder.used_grants.add(Grant(*grant))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a whole run in which something was allowed for nothing."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_OUTPUT] = json.dumps(sorted(recorder.used_grants))
    elif exitstatus == 0 and _is_whole(session.config):
        found = list(
            least_privilege.iter_faults(
                policies.get_all_grants(),
                recorder.used_grants,
                least_privilege.read_justifications(),
            )
        )
        session.config.stash[_faults] = found
        if found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell what was allowed for nothing."""
    if found := config.stash.get(_faults, []):
        terminalreporter.section("Policies that are not minimal (tools/iamcheck)", red=True)
        for fault in found:
            terminalreporter.line(fault, red=True)


def _is_whole(config: pytest.Config) -> bool:
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return False
    return not any(config.getoption(name, None) for name in _SELECTING)

"""Auditing a template with cfn-lint, and with checkov and our dispositions of its findings.

python -m deploy.audit STAGE --checkov PATH-OF-CHECKOV
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from deploy import template
from deploy.package import ROOT, TEMPLATE_NAME

_DISPOSITIONS_FILE = Path(__file__).parent / "checkov" / "dispositions.yaml"


@dataclass(frozen=True, slots=True)
class Disposition:
    """The reason why a finding of checkov is intended; ``resources`` is a pattern of them."""

    id: str
    resources: str
    reason: str

    def answers(self, finding: "Finding") -> bool:
        """Return whether this disposition is for a finding."""
        return self.id == finding.id and bool(re.fullmatch(self.resources, finding.resource))


@dataclass(frozen=True, slots=True)
class Finding:
    """A check of checkov that a resource fails."""

    id: str
    resource: str
    name: str


def expand_template(packaged: template.Template) -> template.Template:
    """Return the template after the SAM transform of CloudFormation; raise ValueError."""
    deployable = template.set_package(deepcopy(packaged), "artefacts", "package.zip")
    defaults = {name: p.get("Default", "") for name, p in deployable["Parameters"].items()}
    # The translator writes the region into ARNs; the checks accept any.
    session = boto3.session.Session(region_name="us-east-1")
    try:
        expanded: template.Template = Translator({}, Parser(), boto_session=session).translate(
            deployable, defaults
        )
    except InvalidDocumentException as error:
        raise ValueError("; ".join(str(cause.message) for cause in error.causes)) from error
    return expanded


def read_dispositions() -> list[Disposition]:
    """Return the dispositions that are written down."""
    return [Disposition(**entry) for entry in yaml.safe_load(_DISPOSITIONS_FILE.read_text())]


def find_unanswered(
    findings: Sequence[Finding], dispositions: Sequence[Disposition]
) -> tuple[list[Finding], list[Disposition]]:
    """Return the findings without a disposition, and the dispositions without a finding."""
    return (
        [each for each in findings if not any(known.answers(each) for known in dispositions)],
        [known for known in dispositions if not any(map(known.answers, findings))],
    )


def run_cfn_lint(path: Path) -> str:
    """Return the findings of cfn-lint in a template; empty if it has none."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(path)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    return (process.stdout + process.stderr).strip() or (
        "" if process.returncode == 0 else "cfn-lint failed"
    )


def run_checkov(checkov: Path, path: Path) -> list[Finding]:
    """Return the findings of checkov in a template; raise ValueError if checkov fails."""
    command = [str(checkov), "-f", str(path), "--framework", "cloudformation", "-o", "json"]
    command += ["--quiet", "--compact", "--skip-download"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(process.stdout)
        summary, failed = report["summary"], report["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"checkov: {error}: {process.stderr.strip()[-500:]}") from error
    if summary["parsing_errors"] or not summary["resource_count"]:
        raise ValueError("checkov could not read the template")
    return [Finding(f["check_id"], f["resource"], f["check_name"]) for f in failed]


def main(arguments: list[str] | None = None) -> int:
    """Audit ``dist/STAGE``; return 1 if a finding has no disposition, or the reverse."""
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("--checkov", type=Path, required=True)
    options = parser.parse_args(arguments)
    path = ROOT / "dist" / options.stage / TEMPLATE_NAME
    if messages := run_cfn_lint(path):
        print(messages)
        return 1
    print(f"{options.stage}: cfn-lint found nothing")
    with tempfile.TemporaryDirectory() as folder:
        expanded = Path(folder) / "expanded.json"
        expanded.write_text(json.dumps(expand_template(json.loads(path.read_text())), indent=1))
        findings = run_checkov(options.checkov, expanded)
    new, obsolete = find_unanswered(findings, read_dispositions())
    for finding in new:
        print(f"{finding.id} {finding.resource}: {finding.name}")
    for known in obsolete:
        print(f"{known.id} {known.resources}: checkov no longer finds this")
    print(f"{options.stage}: checkov finds {len(findings)}, {len(new)} without a disposition")
    return 1 if new or obsolete else 0


if __name__ == "__main__":
    sys.exit(main())

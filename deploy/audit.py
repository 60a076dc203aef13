"""What is known of good stacks, asked of a template: cfn-lint, and checkov with our answers.

python -m deploy.audit STAGE --checkov PATH-OF-CHECKOV
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
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
from deploy.packaging import ROOT, TEMPLATE

_DISPOSITIONS = Path(__file__).parent / "checkov" / "dispositions.yaml"


@dataclass(frozen=True, slots=True)
class Disposition:
    """Why what checkov finds at some resources (a pattern) is meant to be so."""

    id: str
    resources: str
    reason: str

    def is_about(self, finding: "Finding") -> bool:
        """Whether it answers a finding."""
        return self.id == finding.id and bool(re.fullmatch(self.resources, finding.resource))


@dataclass(frozen=True, slots=True)
class Finding:
    """A check of checkov's that a resource fails."""

    id: str
    resource: str
    name: str


def expanded(made: template.Template) -> template.Template:
    """The template as CloudFormation has it after the SAM transform; raises ValueError."""
    pointed = template.point_to(deepcopy(made), "artefacts", "package.zip")
    defaults = {name: p.get("Default", "") for name, p in pointed["Parameters"].items()}
    # It writes the region into ARNs of its own; which one does not matter to the checks.
    session = boto3.session.Session(region_name="us-east-1")
    try:
        found: template.Template = Translator({}, Parser(), boto_session=session).translate(
            pointed, defaults
        )
    except InvalidDocumentException as error:
        raise ValueError("; ".join(str(cause.message) for cause in error.causes)) from error
    return found


def dispositions() -> list[Disposition]:
    """The answers that are written down."""
    return [Disposition(**entry) for entry in yaml.safe_load(_DISPOSITIONS.read_text())]


def unanswered(
    findings: Iterable[Finding], answers: Iterable[Disposition]
) -> tuple[list[Finding], list[Disposition]]:
    """The findings without an answer, and the answers without a finding."""
    found, known = list(findings), list(answers)
    return (
        [one for one in found if not any(answer.is_about(one) for answer in known)],
        [answer for answer in known if not any(answer.is_about(one) for one in found)],
    )


def lint(path: Path) -> str:
    """What cfn-lint has to say of a template; nothing if all is well."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() or ("" if done.returncode == 0 else "it failed")


def findings_of(checkov: Path, path: Path) -> list[Finding]:
    """What checkov finds in a template; raises ValueError if it could not look."""
    command = [str(checkov), "-f", str(path), "--framework", "cloudformation", "-o", "json"]
    command += ["--quiet", "--compact", "--skip-download"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
        summary, failed = report["summary"], report["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"checkov: {error}: {done.stderr.strip()[-500:]}") from error
    if summary["parsing_errors"] or not summary["resource_count"]:
        raise ValueError("checkov could not read the template")
    return [Finding(f["check_id"], f["resource"], f["check_name"]) for f in failed]


def main(arguments: list[str] | None = None) -> int:
    """Audit ``dist/STAGE``; 1 if anything was found that has no answer."""
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("--checkov", type=Path, required=True)
    options = parser.parse_args(arguments)
    path = ROOT / "dist" / options.stage / TEMPLATE
    if said := lint(path):
        print(said)
        return 1
    print(f"{options.stage}: cfn-lint has nothing to say")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "expanded.json"
        plain.write_text(json.dumps(expanded(json.loads(path.read_text())), indent=1))
        findings = findings_of(options.checkov, plain)
    new, idle = unanswered(findings, dispositions())
    for finding in new:
        print(f"{finding.id} {finding.resource}: {finding.name}")
    for answer in idle:
        print(f"{answer.id} {answer.resources}: checkov does not find this any more")
    print(f"{options.stage}: checkov finds {len(findings)}, {len(new)} without a disposition")
    return 1 if new or idle else 0


if __name__ == "__main__":
    sys.exit(main())

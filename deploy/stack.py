"""A stage's stack in CloudFormation: deployed by change set, removed with what it holds."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from deploy import template
from deploy.artefacts import Artefacts
from deploy.packaging import PACKAGE, TEMPLATE

#: CREATE and UPDATE both end so; anything else is a failure.
_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
#: Nothing of it may be updated: its first deployment failed, or never began.
_NEVER_WAS = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"}
#: What is told of the stack itself when a change of it begins.
_BEGUN = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
_NOTHING = ("didn't contain changes", "No updates are to be performed")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
#: A stack with CloudFront takes a quarter of an hour.
_WAIT = {"Delay": 5, "MaxAttempts": 720}
_CONFIG = Config(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5}
)

Say = Callable[[str], None]


class CannotDeploy(Exception):
    """CloudFormation did not do it; the text has its reasons."""


class Stack:
    """The stack of a stage, ``packgrid-STAGE``, in the account and region of the environment."""

    def __init__(self, stage: str, say: Say = print, wait: dict[str, int] | None = None) -> None:
        self.stage = stage
        self.name = f"packgrid-{stage}"
        self._say = say
        self._wait = wait or _WAIT
        session = boto3.session.Session()
        if not session.region_name:
            raise CannotDeploy("in which region? Set AWS_DEFAULT_REGION or a profile that has one")
        self._cloudformation: Any = session.client("cloudformation", config=_CONFIG)
        self._s3: Any = session.client("s3", config=_CONFIG)
        account = session.client("sts", config=_CONFIG).get_caller_identity()["Account"]
        self.region: str = session.region_name
        self.artefacts = Artefacts(self._s3, account, self.region)

    def deploy(self, folder: Path, parameters: dict[str, str]) -> dict[str, str]:
        """Upload what is in ``dist/STAGE`` and have the stack be so; returns its outputs.

        A parameter that is not given stays as it is in the stack. Raises CannotDeploy; then
        CloudFormation has taken back what it did.
        """
        before = self._described()
        # What a stack is left in by a first deployment that failed cannot be updated.
        if before and before["StackStatus"] in _NEVER_WAS:
            self._say(f"{self.name}: removing what a failed first deployment left")
            self._delete()
            before = None
        self.artefacts.ensure()
        package = self.artefacts.put(self.stage, (folder / PACKAGE).read_bytes(), ".zip")
        made = json.loads((folder / TEMPLATE).read_text())
        pointed = template.point_to(made, self.artefacts.bucket, package)
        given = self._parameters(pointed, parameters, before)
        written = json.dumps(pointed, sort_keys=True).encode()
        url = self.artefacts.url(self.artefacts.put(self.stage, written, ".json"))
        self._change("UPDATE" if before else "CREATE", url, given)
        if self.stage == template.KEPT_STAGE:
            self._cloudformation.update_termination_protection(
                StackName=self.name, EnableTerminationProtection=True
            )
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        """The stack's outputs; raises CannotDeploy if there is no stack."""
        stack = self._described()
        if stack is None:
            raise CannotDeploy(f"there is no stack {self.name}")
        return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())}

    def destroy(self) -> None:
        """Remove the stack with all data; raises CannotDeploy for a stage that is kept."""
        if self.stage == template.KEPT_STAGE:
            raise CannotDeploy(
                f"{self.name} holds a directory: its tables and bucket are protected "
                "(docs/operating.md, Removing)"
            )
        if self._described() is None:
            self._say(f"there is no stack {self.name}")
            return
        for bucket in self._buckets():
            self._empty(bucket)
        self._delete()

    def _described(self) -> dict[str, Any] | None:
        try:
            found = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found[0] if found else None

    def _parameters(
        self, made: template.Template, given: dict[str, str], before: dict[str, Any] | None
    ) -> list[dict[str, Any]]:
        known = made["Parameters"]
        if unknown := sorted(given.keys() - known.keys()):
            raise CannotDeploy(f"there is no parameter {unknown[0]}; there are {', '.join(known)}")
        kept = {p["ParameterKey"] for p in before.get("Parameters", ())} if before else set()
        return [
            {"ParameterKey": name, "ParameterValue": given[name]}
            if name in given
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in known
            if name in given or name in kept
        ]

    def _change(self, kind: str, url: str, parameters: list[dict[str, Any]]) -> None:
        asked = self._cloudformation.create_change_set(
            StackName=self.name,
            # A change set that was executed keeps its name for as long as it is listed.
            ChangeSetName=f"packgrid-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            TemplateURL=url,
            Parameters=parameters,
            Capabilities=_CAPABILITIES,
            Tags=[{"Key": "packgrid", "Value": self.stage}],
        )
        change_set = asked["Id"]
        if not self._is_change(change_set):
            self._say(f"{self.name}: nothing changed")
            self._cloudformation.delete_change_set(ChangeSetName=change_set)
            return
        self._say(f"{self.name}: {kind.lower()}")
        self._cloudformation.execute_change_set(ChangeSetName=change_set)
        self._await(f"stack_{kind.lower()}_complete")
        status = (self._described() or {}).get("StackStatus", "gone")
        if status not in _DONE:
            raise CannotDeploy(f"{self.name} is {status}: {self._reasons()}")
        self._say(f"{self.name}: {status}")

    def _is_change(self, change_set: str) -> bool:
        waiter = self._cloudformation.get_waiter("change_set_create_complete")
        try:
            waiter.wait(ChangeSetName=change_set, WaiterConfig=self._wait)
        except WaiterError as error:
            reason = str(error.last_response.get("StatusReason", error))
            if any(text in reason for text in _NOTHING):
                return False
            reasons = "; ".join([reason, *self._validation(ChangeSetName=change_set)])
            raise CannotDeploy(f"{self.name}: {reasons}") from error
        return True

    def _await(self, event: str) -> None:
        try:
            self._cloudformation.get_waiter(event).wait(
                StackName=self.name, WaiterConfig=self._wait
            )
        except WaiterError as error:
            raise CannotDeploy(f"{self.name}: {error}: {self._reasons()}") from error

    def _reasons(self) -> str:
        """Why resources failed since the last change of the stack began."""
        reasons = []
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=self.name
        )
        for event in (event for page in pages for event in page["StackEvents"]):
            name, status = event["LogicalResourceId"], event["ResourceStatus"]
            if name == self.name and status in _BEGUN:
                break
            if "FAILED" in status and event.get("ResourceStatusReason"):
                reasons.append(f"{name}: {event['ResourceStatusReason']}")
        return "; ".join([*reversed(reasons), *self._validation(StackName=self.name)])

    def _validation(self, **of: str) -> list[str]:
        """What CloudFormation found wrong before it made anything, such as a name that is taken.

        The events of a stack, and the reason of a change set, only say that something was.
        """
        try:
            events = self._cloudformation.describe_events(**of)["OperationEvents"]
        except ClientError:
            # What is known is to be told, whether or not there is more.
            return []
        found = [event for event in events if event.get("ValidationStatusReason")]
        return [
            f"{event['LogicalResourceId']}: {event['ValidationStatusReason']}"
            for event in found
            if event["OperationId"] == found[0]["OperationId"]
        ]

    def _buckets(self) -> list[str]:
        """The stack's buckets; what failed to be made has none."""
        resources = self._cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=self.name
        )
        return [
            resource["PhysicalResourceId"]
            for page in resources
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::S3::Bucket"
            and resource["ResourceStatus"] not in {"CREATE_FAILED", "DELETE_COMPLETE"}
        ]

    def _empty(self, bucket: str) -> None:
        self._say(f"{bucket}: deleting every version of every object")
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for page in pages:
            versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            objects = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions]
            # A page has a thousand of both, and no more may be deleted at once.
            if not objects:
                continue
            answer = self._s3.delete_objects(
                Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if errors := answer.get("Errors"):
                raise CannotDeploy(f"{bucket}: {errors[0]['Key']}: {errors[0]['Message']}")

    def _delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)
        self._await("stack_delete_complete")
        self._say(f"{self.name}: removed")

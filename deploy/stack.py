"""A stage's stack in CloudFormation: deployed by change sets, deleted with its data."""

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
from deploy.package import PACKAGE_NAME, TEMPLATE_NAME

#: The final states of a successful CREATE and UPDATE.
_SUCCESS_STATES = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
#: States of a stack whose first deployment failed or never began; it cannot be updated.
_UNUSABLE_STATES = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"}
#: Events of the stack itself at the beginning of a change.
_START_STATES = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
_NO_CHANGE_MESSAGES = ("didn't contain changes", "No updates are to be performed")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
#: At most an hour; a stack with CloudFront takes a quarter of one.
_WAIT = {"Delay": 5, "MaxAttempts": 720}
_CONFIG = Config(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5}
)

Print = Callable[[str], None]


class DeployError(Exception):
    """CloudFormation failed; the text has its reasons."""


class Stack:
    """The stack of a stage, ``packgrid-STAGE``, in the account and region of the environment."""

    def __init__(
        self, stage: str, print_line: Print = print, wait: dict[str, int] | None = None
    ) -> None:
        self.stage = stage
        self.name = f"packgrid-{stage}"
        self._print = print_line
        self._wait = wait or _WAIT
        session = boto3.session.Session()
        if not session.region_name:
            raise DeployError("no region: set AWS_DEFAULT_REGION or use a profile with a region")
        self._cloudformation: Any = session.client("cloudformation", config=_CONFIG)
        self._s3: Any = session.client("s3", config=_CONFIG)
        account = session.client("sts", config=_CONFIG).get_caller_identity()["Account"]
        self.region: str = session.region_name
        self.artefacts = Artefacts(self._s3, account, self.region)

    def deploy(self, folder: Path, parameters: dict[str, str]) -> dict[str, str]:
        """Upload ``dist/STAGE``, create or update the stack, and return its outputs.

        Parameters that are not given keep their values in the stack. Raises DeployError; then
        CloudFormation has rolled the change back.
        """
        before = self._describe()
        # A stack cannot be updated after its first deployment failed.
        if before and before["StackStatus"] in _UNUSABLE_STATES:
            self._print(f"{self.name}: deleting what a failed first deployment left")
            self._delete()
            before = None
        self.artefacts.ensure_bucket()
        package = self.artefacts.put(self.stage, (folder / PACKAGE_NAME).read_bytes(), ".zip")
        packaged = json.loads((folder / TEMPLATE_NAME).read_text())
        deployable = template.set_package(packaged, self.artefacts.bucket, package)
        values = self._build_parameters(deployable, parameters, before)
        body = json.dumps(deployable, sort_keys=True).encode()
        url = self.artefacts.get_url(self.artefacts.put(self.stage, body, ".json"))
        self._execute_change("UPDATE" if before else "CREATE", url, values)
        if self.stage == template.KEPT_STAGE:
            self._cloudformation.update_termination_protection(
                StackName=self.name, EnableTerminationProtection=True
            )
        return self.get_outputs()

    def get_outputs(self) -> dict[str, str]:
        """Return the stack's outputs; raise DeployError if there is no stack."""
        stack = self._describe()
        if stack is None:
            raise DeployError(f"there is no stack {self.name}")
        return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())}

    def destroy(self) -> None:
        """Delete the stack with all data; raise DeployError for a stage that is kept."""
        if self.stage == template.KEPT_STAGE:
            raise DeployError(
                f"{self.name} holds a directory: its tables and bucket are protected "
                "(docs/operating.md, Removing)"
            )
        if self._describe() is None:
            self._print(f"there is no stack {self.name}")
            return
        for bucket in self._list_buckets():
            self._empty(bucket)
        self._delete()

    def _describe(self) -> dict[str, Any] | None:
        try:
            stacks = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stacks[0] if stacks else None

    def _build_parameters(
        self, deployable: template.Template, given: dict[str, str], before: dict[str, Any] | None
    ) -> list[dict[str, Any]]:
        declared = deployable["Parameters"]
        if unknown := sorted(given.keys() - declared.keys()):
            raise DeployError(
                f"there is no parameter {unknown[0]}; there are {', '.join(declared)}"
            )
        stored = {p["ParameterKey"] for p in before.get("Parameters", ())} if before else set()
        return [
            {"ParameterKey": name, "ParameterValue": given[name]}
            if name in given
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in declared
            if name in given or name in stored
        ]

    def _execute_change(self, kind: str, url: str, parameters: list[dict[str, Any]]) -> None:
        response = self._cloudformation.create_change_set(
            StackName=self.name,
            # The name of an executed change set stays taken while it is listed.
            ChangeSetName=f"packgrid-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            TemplateURL=url,
            Parameters=parameters,
            Capabilities=_CAPABILITIES,
            Tags=[{"Key": "packgrid", "Value": self.stage}],
        )
        change_set = response["Id"]
        if not self._has_changes(change_set):
            self._print(f"{self.name}: nothing changed")
            self._cloudformation.delete_change_set(ChangeSetName=change_set)
            return
        self._print(f"{self.name}: {kind.lower()}")
        self._cloudformation.execute_change_set(ChangeSetName=change_set)
        self._wait_for(f"stack_{kind.lower()}_complete")
        status = (self._describe() or {}).get("StackStatus", "gone")
        if status not in _SUCCESS_STATES:
            raise DeployError(f"{self.name} is {status}: {self._get_failure_reasons()}")
        self._print(f"{self.name}: {status}")

    def _has_changes(self, change_set: str) -> bool:
        waiter = self._cloudformation.get_waiter("change_set_create_complete")
        try:
            waiter.wait(ChangeSetName=change_set, WaiterConfig=self._wait)
        except WaiterError as error:
            reason = str(error.last_response.get("StatusReason", error))
            if any(text in reason for text in _NO_CHANGE_MESSAGES):
                return False
            reasons = "; ".join([reason, *self._get_validation_errors(ChangeSetName=change_set)])
            raise DeployError(f"{self.name}: {reasons}") from error
        return True

    def _wait_for(self, event: str) -> None:
        try:
            self._cloudformation.get_waiter(event).wait(
                StackName=self.name, WaiterConfig=self._wait
            )
        except WaiterError as error:
            raise DeployError(f"{self.name}: {error}: {self._get_failure_reasons()}") from error

    def _get_failure_reasons(self) -> str:
        """Return the reasons of failed resources since the last change of the stack began."""
        reasons = []
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=self.name
        )
        for event in (event for page in pages for event in page["StackEvents"]):
            name, status = event["LogicalResourceId"], event["ResourceStatus"]
            if name == self.name and status in _START_STATES:
                break
            if "FAILED" in status and event.get("ResourceStatusReason"):
                reasons.append(f"{name}: {event['ResourceStatusReason']}")
        return "; ".join([*reversed(reasons), *self._get_validation_errors(StackName=self.name)])

    def _get_validation_errors(self, **of: str) -> list[str]:
        """Return the errors that CloudFormation found before it created anything.

        An example is a name that is taken. The events of a stack and the reason of a change set
        only say that there was an error.
        """
        try:
            events = self._cloudformation.describe_events(**of)["OperationEvents"]
        except ClientError:
            # The reasons known so far are reported in any case.
            return []
        errors = [event for event in events if event.get("ValidationStatusReason")]
        return [
            f"{event['LogicalResourceId']}: {event['ValidationStatusReason']}"
            for event in errors
            if event["OperationId"] == errors[0]["OperationId"]
        ]

    def _list_buckets(self) -> list[str]:
        """Return the stack's buckets, except those that could not be created."""
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
        self._print(f"{bucket}: deleting every version of every object")
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for page in pages:
            versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            objects = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions]
            # A page has at most a thousand versions and markers, the limit of one deletion.
            if not objects:
                continue
            response = self._s3.delete_objects(
                Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if errors := response.get("Errors"):
                raise DeployError(f"{bucket}: {errors[0]['Key']}: {errors[0]['Message']}")

    def _delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait_for("stack_delete_complete")
        self._print(f"{self.name}: deleted")

"""A stack's life in CloudFormation, of a small template on the embedded engine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.local.engine import Engine
from deploy.package import PACKAGE_NAME, TEMPLATE_NAME
from deploy.stack import DeployError, Stack

STAGE = "trial"
BUCKET, TAKEN = "packgrid-trial-of-the-stack", "packgrid-trial-taken"


def queue(seconds: object) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": seconds}}


def template() -> dict[str, Any]:
    return {
        "Parameters": {
            "Seconds": {"Type": "Number", "Default": 30},
            "Delay": {"Type": "Number", "Default": 0},
        },
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "BucketName": BUCKET,
                    "VersioningConfiguration": {"Status": "Enabled"},
                },
            },
            "Queue": queue({"Ref": "Seconds"}),
        },
        "Outputs": {
            "QueueUrl": {"Value": {"Ref": "Queue"}},
            "Delay": {"Value": {"Ref": "Delay"}},
        },
    }


class Trial:
    """A stack of the test's own, and what it said."""

    def __init__(self, folder: Path, stage: str = STAGE) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.stack = Stack(stage, self.said.append, {"Delay": 1, "MaxAttempts": 30})

    def deploy(self, made: dict[str, Any], **parameters: str) -> dict[str, str]:
        """Deploy a template; the stack's outputs."""
        (self.folder / TEMPLATE_NAME).write_text(json.dumps(made))
        (self.folder / PACKAGE_NAME).write_bytes(b"no function runs it")
        return self.stack.deploy(self.folder, parameters)

    def status(self) -> str | None:
        """The stack's status; ``None`` if there is no stack."""
        client = boto3.session.Session().client("cloudformation")
        found = {
            one["StackName"]: one["StackStatus"]
            for one in client.list_stacks()["StackSummaries"]
            if one["StackStatus"] != "DELETE_COMPLETE"
        }
        return found.get(self.stack.name)


@pytest.fixture
def trial(engine: Engine, tmp_path: Path) -> Iterator[Trial]:
    made = Trial(tmp_path)
    yield made
    made.stack.destroy()


def visibility(url: str) -> str:
    client = boto3.session.Session().client("sqs")
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(found["Attributes"]["VisibilityTimeout"])


def test_a_stack_is_created_and_tells_its_outputs(trial: Trial) -> None:
    outputs = trial.deploy(template(), Seconds="45")
    assert visibility(outputs["QueueUrl"]) == "45"
    assert trial.stack.get_outputs() == outputs
    assert trial.status() == "CREATE_COMPLETE"
    assert trial.said == ["packgrid-trial: create", "packgrid-trial: CREATE_COMPLETE"]


def test_an_update_keeps_parameters_that_are_not_given(trial: Trial) -> None:
    first = trial.deploy(template(), Seconds="45", Delay="7")
    changed = template()
    changed["Resources"]["Another"] = queue(50)
    changed["Outputs"]["AnotherUrl"] = {"Value": {"Ref": "Another"}}
    second = trial.deploy(changed, Delay="8")
    assert second["QueueUrl"] == first["QueueUrl"]
    assert visibility(second["QueueUrl"]) == "45"
    assert visibility(second["AnotherUrl"]) == "50"
    assert second["Delay"] == "8"
    assert trial.status() == "UPDATE_COMPLETE"


def test_a_new_parameter_has_its_default_in_a_stack_that_is_there(trial: Trial) -> None:
    trial.deploy(template(), Seconds="45")
    changed = template()
    changed["Parameters"]["More"] = {"Type": "String", "Default": "much"}
    changed["Outputs"]["More"] = {"Value": {"Ref": "More"}}
    changed["Resources"]["Another"] = queue(50)
    assert trial.deploy(changed)["More"] == "much"


def test_another_value_alone_is_a_change(trial: Trial) -> None:
    url = trial.deploy(template(), Seconds="45")["QueueUrl"]
    trial.deploy(template(), Seconds="46")
    assert visibility(url) == "46"
    trial.deploy(template(), Seconds="45")
    assert visibility(url) == "45"


def test_deploying_the_same_again_changes_nothing(trial: Trial) -> None:
    first = trial.deploy(template(), Seconds="45")
    trial.said.clear()
    for _ in range(2):
        assert trial.deploy(template(), Seconds="45") == first
    assert trial.said == ["packgrid-trial: nothing changed"] * 2
    assert trial.status() == "CREATE_COMPLETE"


def test_an_unknown_parameter_is_named_before_anything_is_made(trial: Trial) -> None:
    with pytest.raises(DeployError, match=r"no parameter Secnods; there are Seconds, Delay"):
        trial.deploy(template(), Secnods="45")
    assert trial.status() is None


def broken() -> dict[str, Any]:
    """The same, and a bucket of a name that is taken."""
    made = template()
    taken = {"BucketName": TAKEN}
    made["Resources"]["Second"] = {"Type": "AWS::S3::Bucket", "Properties": taken}
    return made


@pytest.fixture
def taken(engine: Engine) -> Iterator[None]:
    client = boto3.session.Session().client("s3")
    client.create_bucket(Bucket=TAKEN)
    yield
    client.delete_bucket(Bucket=TAKEN)


def test_a_creation_that_fails_tells_why_and_leaves_nothing(trial: Trial, taken: None) -> None:
    with pytest.raises(DeployError, match=r"Second: .*exist"):
        trial.deploy(broken())
    assert BUCKET not in buckets()


def test_a_creation_that_failed_is_made_again(trial: Trial, taken: None) -> None:
    with pytest.raises(DeployError):
        trial.deploy(broken(), Seconds="99")
    # What was given then was for a stack that never was.
    outputs = trial.deploy(template())
    assert trial.status() == "CREATE_COMPLETE"
    assert visibility(outputs["QueueUrl"]) == "30"


def test_an_update_that_fails_tells_why_and_is_taken_back(trial: Trial, taken: None) -> None:
    outputs = trial.deploy(template(), Seconds="45")
    with pytest.raises(DeployError, match=r"Second: .*exist"):
        trial.deploy(broken(), Seconds="46")
    assert trial.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert visibility(outputs["QueueUrl"]) == "45"
    trial.deploy(template(), Seconds="47")
    assert visibility(outputs["QueueUrl"]) == "47"


def buckets() -> set[str]:
    client = boto3.session.Session().client("s3")
    return {one["Name"] for one in client.list_buckets()["Buckets"]}


def test_destroying_empties_a_bucket_with_old_versions_and_marks(trial: Trial) -> None:
    trial.deploy(template())
    client = boto3.session.Session().client("s3")
    for text in (b"old", b"new"):
        client.put_object(Bucket=BUCKET, Key="kept", Body=text)
        client.put_object(Bucket=BUCKET, Key="deleted", Body=text)
    client.delete_object(Bucket=BUCKET, Key="deleted")
    trial.stack.destroy()
    assert trial.status() is None
    assert BUCKET not in buckets()
    assert trial.stack.artefacts.bucket in buckets()


def test_destroying_what_is_not_there_says_so(trial: Trial) -> None:
    trial.stack.destroy()
    assert trial.said == ["there is no stack packgrid-trial"]
    with pytest.raises(DeployError, match="there is no stack packgrid-trial"):
        trial.stack.get_outputs()


def test_the_stage_that_is_kept_is_not_destroyed(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="protected"):
        Trial(tmp_path, "prod").stack.destroy()


def test_the_stage_that_is_kept_is_protected_as_a_whole(engine: Engine, tmp_path: Path) -> None:
    trial = Trial(tmp_path, "prod")
    trial.deploy(template())
    client = boto3.session.Session().client("cloudformation")
    (stack,) = client.describe_stacks(StackName=trial.stack.name)["Stacks"]
    assert stack["EnableTerminationProtection"] is True
    client.update_termination_protection(
        StackName=trial.stack.name, EnableTerminationProtection=False
    )
    client.delete_stack(StackName=trial.stack.name)


def test_the_bucket_of_artefacts_is_closed_and_has_packages_by_their_content(trial: Trial) -> None:
    trial.deploy(template())
    client = boto3.session.Session().client("s3")
    closed = client.get_public_access_block(Bucket=trial.stack.artefacts.bucket)
    assert all(closed["PublicAccessBlockConfiguration"].values())
    policy = json.loads(client.get_bucket_policy(Bucket=trial.stack.artefacts.bucket)["Policy"])
    (denial,) = policy["Statement"]
    assert denial["Effect"] == "Deny"
    assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    before = keys(trial)
    trial.deploy(template())
    assert keys(trial) == before
    assert {key.rpartition(".")[2] for key in before} == {"zip", "json"}


def keys(trial: Trial) -> set[str]:
    client = boto3.session.Session().client("s3")
    listed = client.list_objects_v2(Bucket=trial.stack.artefacts.bucket, Prefix=f"{STAGE}/")
    return {one["Key"] for one in listed["Contents"]}

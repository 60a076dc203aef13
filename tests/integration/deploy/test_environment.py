"""`python -m deploy environment`: what points the operator's commands at a stack."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib import settings
from chalicelib.local.engine import Engine
from deploy.__main__ import main

#: Of the stage's template, what the command looks at. The contact has all that a shell reads.
CONTACT = 'it\'s "me" $(exit 3) `x` \\ é'
TEMPLATE = {
    "Resources": {
        "PackagesTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "RefreshQueue": {"Type": "AWS::SQS::Queue"},
        "RefreshDeadLetters": {"Type": "AWS::SQS::Queue"},
        "Work": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": "arn:aws:iam::000000000000:role/none",
                "Code": {"ZipFile": "def handler(event, context): pass\n"},
                "Environment": {
                    "Variables": {
                        "PACKAGES_TABLE": {"Ref": "PackagesTable"},
                        "PACKGRID_QUEUE_URL": {"Ref": "RefreshQueue"},
                        "PACKGRID_CONTACT": CONTACT,
                        "GITHUB_API_URL": "",
                    }
                },
            },
        },
    },
    "Outputs": {"DeadLetterUrl": {"Value": {"Ref": "RefreshDeadLetters"}}},
}


@pytest.fixture
def stack(engine: Engine) -> Iterator[dict[str, str]]:
    """A stack of the stage for trials; the names of its resources by logical id."""
    client: Any = boto3.client("cloudformation")
    client.create_stack(StackName="packgrid-dev", TemplateBody=json.dumps(TEMPLATE))
    client.get_waiter("stack_create_complete").wait(
        StackName="packgrid-dev", WaiterConfig={"Delay": 1}
    )
    found = client.describe_stack_resources(StackName="packgrid-dev")["StackResources"]
    yield {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
    client.delete_stack(StackName="packgrid-dev")
    client.get_waiter("stack_delete_complete").wait(
        StackName="packgrid-dev", WaiterConfig={"Delay": 1}
    )


def in_a_shell(lines: str) -> dict[str, str]:
    """The environment of a program that is started after the lines were evaluated."""
    done = subprocess.run(
        ["sh", "-c", 'eval "$1"; env -0', "sh", lines],
        env={"GITHUB_API_URL": "https://of.another.stage.example", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    pairs = done.stdout.decode().rstrip("\0").split("\0")
    return dict(pair.split("=", 1) for pair in pairs)


def test_a_shell_that_evaluates_it_has_the_names_of_the_stack(
    stack: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["environment", "dev"]) == 0
    found = in_a_shell(capsys.readouterr().out)
    assert found["PACKAGES_TABLE"] == stack["PackagesTable"]
    assert found["PACKGRID_QUEUE_URL"] == stack["RefreshQueue"]
    assert found["PACKGRID_DEAD_LETTER_URL"] == stack["RefreshDeadLetters"]
    assert found["AWS_DEFAULT_REGION"] == "us-east-1"
    assert found["PACKGRID_CONTACT"] == CONTACT
    configured = settings.from_environment(found)
    assert configured.tables["packages"] == stack["PackagesTable"]
    # What another stage left in the shell is gone.
    assert "github" not in configured.upstreams.api_urls


def test_without_a_stack_there_is_nothing_to_evaluate(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["environment", "prod"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "deploy: there is no stack packgrid-prod\n"

"""The functions of the packaged template: what they run, may do, and are told."""

import re
from typing import Any

import pytest

from chalicelib.refresh.hosts.index.public_url import find_public_url
from chalicelib.settings import TABLES
from deploy.audit import expand_template
from tests.integration.deploy.conftest import Packaged

LOGGING = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"}
FUNCTIONS = {"APIHandler", "Plan", "Enrol", "Work", "Publish", "Export", "Load"}
SCHEDULED = {"Plan", "Enrol", "Publish", "Export"}
BUCKET = "arn:${AWS::Partition}:s3:::${AWS::StackName}-${AWS::AccountId}"


def role_of(packaged: Packaged, function: str) -> str:
    return str(packaged.properties(function)["Role"]["Fn::GetAtt"][0])


def statements(packaged: Packaged, function: str) -> list[dict[str, Any]]:
    """What a function's role allows, with all conditions of the template met."""
    role = packaged.properties(role_of(packaged, function))
    assert len(role["Policies"]) == 1
    found = role["Policies"][0]["PolicyDocument"]["Statement"]
    return [s["Fn::If"][1] if "Fn::If" in s else s for s in found]


def test_each_function_is_sized_and_runs_on_arm(packaged: Packaged) -> None:
    functions = packaged.of_type("AWS::Serverless::Function")
    assert set(functions) == FUNCTIONS
    for name in FUNCTIONS:
        properties = packaged.properties(name)
        assert properties["Architectures"] == ["arm64"]
        assert properties["CodeUri"] == "./deployment.zip"
        assert properties["Runtime"].startswith("python3.")
    sizes = {name: packaged.properties(name)["MemorySize"] for name in FUNCTIONS}
    assert len(set(sizes.values())) > 1
    # API Gateway gives up at 29 s.
    assert packaged.properties("APIHandler")["Timeout"] == 29


def test_names_reach_functions_by_environment(packaged: Packaged) -> None:
    common = packaged.template["Globals"]["Function"]["Environment"]["Variables"]
    for table in TABLES:
        assert common[f"{table.upper()}_TABLE"] == {"Ref": f"{table.title()}Table"}
    assert common["PACKGRID_BUCKET"] == packaged.properties("Bucket")["BucketName"]
    assert common["PACKGRID_STAGE"] == {"Ref": "Stage"}
    for name in FUNCTIONS:
        own = packaged.properties(name).get("Environment", {}).get("Variables", {})
        # Every value is a reference, so that none is a convention.
        assert all(set(value) == {"Ref"} for value in own.values())
    work = packaged.properties("Work")["Environment"]["Variables"]
    assert work["PACKGRID_QUEUE_URL"] == {"Ref": "RefreshQueue"}
    assert work["PACKGRID_PUBLIC_INDEX_URL"] == {"Ref": "PublicIndexUrl"}
    # Lambda has no pip, which knows it.
    assert packaged.template["Parameters"]["PublicIndexUrl"]["Default"] == find_public_url()
    assert work["GITHUB_TOKEN_PARAMETER"] == {"Ref": "GithubTokenParameter"}


def test_each_function_has_a_role_of_its_own_without_wildcards(packaged: Packaged) -> None:
    roles = {role_of(packaged, name) for name in FUNCTIONS}
    assert len(roles) == len(FUNCTIONS)
    assert set(packaged.of_type("AWS::IAM::Role")) == {*roles, "ApiLogRole"}
    for name in FUNCTIONS:
        role = packaged.properties(role_of(packaged, name))
        assert "ManagedPolicyArns" not in role
        principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        assert principal == {"Service": "lambda.amazonaws.com"}
        for statement in statements(packaged, name):
            assert statement["Effect"] == "Allow"
            assert not {"NotAction", "NotResource"} & set(statement)
            assert not any("*" in action for action in statement["Action"])
            if statement["Resource"] == "*":
                # X-Ray's actions know no resources (Service Authorization Reference).
                assert all(action.startswith("xray:Put") for action in statement["Action"])
                continue
            for resource in statement["Resource"]:
                assert _is_exact(resource), resource


def _is_exact(resource: dict[str, Any]) -> bool:
    """A resource of this stack; of the bucket, all below a folder."""
    if "Fn::If" in resource:
        return _is_exact(resource["Fn::If"][1])
    if "Fn::GetAtt" in resource:
        return True
    text = str(resource["Fn::Sub"])
    if text.startswith(BUCKET + "/"):
        folder = text.removeprefix(BUCKET + "/").removesuffix("*")
        return folder.endswith("/") and "*" not in folder
    return "*" not in text


def test_the_api_cannot_write(packaged: Packaged) -> None:
    allowed = {
        action.partition(":")[2]
        for statement in statements(packaged, "APIHandler")
        for action in statement["Action"]
        if not action.startswith(("logs:", "xray:"))
    }
    assert allowed == {"GetItem", "BatchGetItem", "Query", "GetObject"}


def test_no_function_manages_tables_buckets_or_queues(packaged: Packaged) -> None:
    actions = {a for name in FUNCTIONS for s in statements(packaged, name) for a in s["Action"]}
    assert "dynamodb:GetItem" in actions
    assert not [action for action in actions if _manages(action)]
    for action in ("dynamodb:DeleteTable", "s3:PutBucketPolicy", "sqs:CreateQueue", "iam:PassRole"):
        assert _manages(action)


def _manages(action: str) -> bool:
    return (
        action.endswith(("Table", "Backup", "Queue"))
        or re.search(r":(Create|Delete|Put)(Public|Bucket)", action) is not None
        or action.startswith(("iam:", "lambda:", "kms:", "cloudformation:"))
    )


def test_tokens_are_read_by_those_who_ask_hosts(packaged: Packaged) -> None:
    readers = {
        name
        for name in FUNCTIONS
        if any("ssm:GetParameter" in s["Action"] for s in statements(packaged, name))
    }
    assert readers == {"Plan", "Work"}


def test_the_worker_reports_single_failures_and_is_bounded(packaged: Packaged) -> None:
    events = packaged.properties("Work")["Events"]
    assert len(events) == 1
    source = events["WorkSqsEventSource"]["Properties"]
    assert source["Queue"] == {"Fn::Sub": "${RefreshQueue.Arn}"}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {
        "MaximumConcurrency": {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "Workers"]}
    }
    stages = packaged.template["Mappings"]["Stages"]
    assert all(stage["Workers"] >= 2 for stage in stages.values())


@pytest.mark.parametrize("name", sorted(SCHEDULED))
def test_schedules_have_rates_of_their_stage(name: str, packaged: Packaged) -> None:
    events = packaged.properties(name)["Events"]
    assert len(events) == 1
    event = events[f"{name}Event"]
    assert event["Type"] == "Schedule"
    assert event["Properties"] == {
        "Schedule": {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, name]}
    }
    for stage in packaged.template["Mappings"]["Stages"].values():
        assert stage[name].startswith("rate(")


def test_events_that_fail_are_kept(packaged: Packaged) -> None:
    for name in SCHEDULED | {"Load"}:
        assert packaged.properties(name)["DeadLetterQueue"] == {
            "Type": "SQS",
            "TargetArn": {"Fn::GetAtt": ["DeadInvocations", "Arn"]},
        }
        may = [s for s in statements(packaged, name) if s["Sid"] == "DeadInvocations"]
        assert may[0]["Action"] == ["sqs:SendMessage"]


def test_lines_of_lambda_itself_are_left_out_and_metrics_are_taken_in(packaged: Packaged) -> None:
    functions = [
        resource["Properties"]["LoggingConfig"]
        for resource in expand_template(packaged.template)["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    assert len(functions) == len(FUNCTIONS)
    for logging in functions:
        assert set(logging) == {*LOGGING, "LogGroup"}
        # What has no level, as a document of metrics, is of level INFO to Lambda.
        assert LOGGING.items() <= logging.items()


def test_logs_are_kept_for_a_time(packaged: Packaged) -> None:
    groups = packaged.of_type("AWS::Logs::LogGroup")
    used = set()
    for name in FUNCTIONS:
        group = packaged.properties(name)["LoggingConfig"]["LogGroup"]["Ref"]
        used.add(group)
        may = [s for s in statements(packaged, name) if s["Sid"] == "Logs"]
        assert may[0]["Resource"] == [{"Fn::GetAtt": [group, "Arn"]}]
        # Who may not create groups cannot make one that is kept for ever.
        assert may[0]["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert set(groups) == used | {"AccessLogs", "ExecutionLogs"}
    for group in groups.values():
        assert group["Properties"]["RetentionInDays"] == {
            "Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "LogDays"]
        }

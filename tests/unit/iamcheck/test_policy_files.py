"""What .chalice/policies must and must not say."""

import json
from typing import Any

import pytest
import yaml

import app
from chalicelib.settings import TABLES
from tools.iamcheck import policies
from tools.iamcheck.policies import BUCKET, CHALICE, Grant

GRANTS = sorted(policies.get_all_grants())
BUCKET_ARN = f"arn:${{AWS::Partition}}:s3:::{BUCKET}"
READING = {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "ssm:GetParameter"} | {
    f"dynamodb:{name}" for name in ("GetItem", "BatchGetItem", "Query", "Scan")
}
WRITING = {"s3:PutObject", "s3:DeleteObject", "sqs:SendMessage"} | {
    f"dynamodb:{name}" for name in ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
}
#: What Lambda itself does with a function's role.
OF_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
PREFIXES = ("catalogues", "exports", "loads", "refresh", "search")


def _of(function: str) -> list[Grant]:
    return [grant for grant in GRANTS if grant.function == function]


def test_each_function_has_a_file_and_each_file_a_function() -> None:
    called: list[Any] = [*app.app.event_sources, *app.app.pure_lambda_functions]
    assert set(policies.list_functions()) == {"api", *(function.name for function in called)}
    files = {path.stem for path in (CHALICE / "policies").iterdir()}
    assert files == set(policies.list_functions())


@pytest.mark.parametrize("function", policies.list_functions())
def test_nobody_manages_tables_or_does_what_is_not_listed_here(function: str) -> None:
    assert {grant.action for grant in _of(function)} <= READING | WRITING | OF_LAMBDA


def test_the_api_writes_nothing() -> None:
    assert {grant.action for grant in _of("api")} & WRITING == set()
    assert {grant.action for grant in _of("api")} <= READING | OF_LAMBDA


@pytest.mark.parametrize("grant", GRANTS, ids=str)
def test_a_resource_is_one_or_what_is_below_a_prefix_of_the_bucket(grant: Grant) -> None:
    resource = json.loads(grant.resource)
    if resource == "*":
        # X-Ray knows no resources.
        assert grant.action.startswith("xray:")
        return
    text = json.dumps(resource)
    assert "?" not in text
    if "*" in text:
        assert resource in [{"Fn::Sub": f"{BUCKET_ARN}/{prefix}/*"} for prefix in PREFIXES]


def test_only_one_function_writes_a_prefix_but_for_the_index() -> None:
    writers: dict[str, set[str]] = {}
    for grant in GRANTS:
        if grant.action == "s3:PutObject":
            prefix = json.loads(grant.resource)["Fn::Sub"].removeprefix(BUCKET_ARN + "/")
            writers.setdefault(prefix, set()).add(grant.function)
    assert writers == {
        "exports/*": {"export"},
        "loads/*": {"load"},
        "refresh/*": {"work"},
        "search/*": {"load", "publish"},
    }


def test_what_tests_resolve_is_what_the_template_has() -> None:
    resources = yaml.load((CHALICE / "resources.yaml").read_text(), _Loader)["Resources"]
    assert resources["Bucket"]["Properties"]["BucketName"] == BUCKET
    tables = {f"{kind.capitalize()}Table" for kind in TABLES}
    known = policies.build_stack(dict.fromkeys(TABLES, "x"), "b").arns
    assert tables <= known.keys() <= resources.keys()


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short intrinsics as what they are applied to."""


def _argument(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _argument)

"""Reading policies as IAM does, and refusing to guess."""

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.settings import TABLES
from tools.iamcheck import least_privilege, policies
from tools.iamcheck.permissions import Call
from tools.iamcheck.policies import Grant, Policies, PolicyError, Stack, matches

STACK = policies.build_stack(
    {kind: f"t-{kind}" for kind in TABLES},
    "the-bucket",
    "http://127.0.0.1:1/000000000000/the-queue",
    {"gitlab": "/tokens/gitlab"},
)
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/t-packages"


def document(**changes: Any) -> dict[str, Any]:
    """The policies of one function with one statement, changed."""
    statement = {
        "Sid": "One",
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem"],
        "Resource": [{"Fn::GetAtt": ["PackagesTable", "Arn"]}],
    }
    whole = {"Version": "2012-10-17", "Statement": [statement | changes]}
    return {"f": whole}


def allows(resource: Any, wanted: str) -> bool:
    return Policies(document(Resource=resource), STACK).allows("f", "dynamodb:GetItem", wanted)


PARTS = st.text("ab*?/.-_", max_size=8)


@given(st.lists(PARTS, min_size=6, max_size=6), st.lists(PARTS, min_size=6, max_size=6))
def test_wildcards_are_those_of_fnmatch_part_by_part(pattern: list[str], other: list[str]) -> None:
    expected = all(map(fnmatchcase, other, pattern))
    assert matches(":".join(pattern), ":".join(other)) is expected


@given(st.lists(PARTS, min_size=6, max_size=6), st.data())
def test_what_a_pattern_was_made_into_matches_it(pattern: list[str], data: st.DataObject) -> None:
    made = [_made(part, place == 5, data) for place, part in enumerate(pattern)]
    assert matches(":".join(pattern), ":".join(made))


def _made(part: str, is_last: bool, data: st.DataObject) -> str:
    return re.sub(r"[*?]", lambda sign: data.draw(_instead(sign[0], is_last)), part)


def _instead(sign: str, is_last: bool) -> st.SearchStrategy[str]:
    alphabet = "ab[]!+$^()\\\n" + (":" if is_last else "")
    return st.text(alphabet, min_size=int(sign == "?"), max_size=1 if sign == "?" else 5)


@pytest.mark.parametrize(
    ("pattern", "resource", "does"),
    [
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/search/*", "arn:aws:s3:::b/search/a/b:c", True),
        ("arn:aws:s3:::b/search/*", "arn:aws:s3:::b/search", False),
        ("arn:aws:s3:::b/search/*", "arn:aws:s3:::bb/search/x", False),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/x", False),
        ("arn:aws:dynamodb:*:1:table/t", "arn:aws:dynamodb:a:1:1:table/t", False),
        (TABLE, TABLE + "/index/by-slug", False),
        (TABLE, TABLE.upper(), False),
    ],
)
def test_resources(pattern: str, resource: str, does: bool) -> None:
    assert matches(pattern, resource) is does


def test_intrinsics_come_to_what_the_stack_has() -> None:
    assert allows({"Fn::GetAtt": ["PackagesTable", "Arn"]}, TABLE)
    assert allows({"Fn::GetAtt": "PackagesTable.Arn"}, TABLE)
    index = {"Fn::Sub": "${PackagesTable.Arn}/index/by-slug"}
    assert allows(index, TABLE + "/index/by-slug")
    assert not allows(index, TABLE)
    objects = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{policies.BUCKET}/x/*"}
    assert allows(objects, "arn:aws:s3:::the-bucket/x/y")
    assert allows({"Ref": "GitlabTokenParameter"}, "/tokens/gitlab")
    queue = {"Fn::GetAtt": ["RefreshQueue", "Arn"]}
    assert allows(queue, "arn:aws:sqs:us-east-1:000000000000:the-queue")
    assert not allows({"Fn::GetAtt": ["GridsTable", "Arn"]}, TABLE)


def test_conditions_choose_statements_and_resources() -> None:
    choice = {"Fn::If": ["HasGitlabToken", TABLE, {"Ref": "AWS::NoValue"}]}
    assert allows(choice, TABLE)
    assert not allows({"Fn::If": ["HasGithubToken", TABLE, {"Ref": "AWS::NoValue"}]}, TABLE)
    assert allows({"Fn::If": ["HasGithubToken", "arn:x", TABLE]}, TABLE)
    whole = document()["f"]
    whole["Statement"] = [{"Fn::If": ["Is", whole["Statement"][0], {"Ref": "AWS::NoValue"}]}]
    for answer in (True, False):
        of = Stack(STACK.bucket, STACK.references, STACK.arns, {"Is": answer})
        assert Policies({"f": whole}, of).allows("f", "dynamodb:GetItem", TABLE) is answer


def test_actions_are_those_of_the_function_in_any_case() -> None:
    found = Policies(document(), STACK)
    assert found.allows("f", "DynamoDB:getitem", TABLE)
    assert not found.allows("f", "dynamodb:PutItem", TABLE)
    assert not found.allows("g", "dynamodb:GetItem", TABLE)


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Condition": {}},
        {"NotResource": "*"},
        {"Principal": "*"},
        {"Action": "dynamodb:*"},
        {"Action": ["dynamodb:Get?tem"]},
        {"Resource": {"Fn::Join": ["", ["a"]]}},
        {"Resource": {"Fn::Sub": ["${a}", {"a": "b"}]}},
        {"Resource": {"Fn::GetAtt": ["PackagesTable", "StreamArn"]}},
        {"Resource": {"Fn::GetAtt": ["OtherTable", "Arn"]}},
        {"Resource": {"Ref": "Other"}},
        {"Resource": {"Fn::Sub": "${Other}"}},
        {"Resource": "arn:aws:s3:::b/${aws:username}"},
    ],
    ids=str,
)
def test_what_is_not_understood_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        Policies(document(**changes), STACK)


def test_documents_are_checked_as_a_whole() -> None:
    with pytest.raises(PolicyError):
        Policies({"f": document()["f"] | {"Version": "2008-10-17"}}, STACK)
    with pytest.raises(PolicyError):
        Policies({"f": document()["f"] | {"Id": "x"}}, STACK)
    twice = document()["f"]
    with pytest.raises(PolicyError, match="two statements One"):
        Policies({"f": twice | {"Statement": twice["Statement"] * 2}}, STACK)
    unnamed = document()
    del unnamed["f"]["Statement"][0]["Sid"]
    with pytest.raises(PolicyError):
        Policies(unnamed, STACK)


def test_what_was_refused_and_what_was_never_used() -> None:
    found = Policies(document(Action=["dynamodb:GetItem", "dynamodb:Query"]), STACK)
    calls = [Call("f", "dynamodb:Query", TABLE), Call("f", "dynamodb:Scan", TABLE)]
    assert found.find_refused_calls(calls) == [calls[1]]
    (unused,) = found.find_unused_grants(calls)
    assert (unused.function, unused.sid, unused.action) == ("f", "One", "dynamodb:GetItem")


def test_a_template_has_the_policies_of_its_functions_roles() -> None:
    assert policies.extract_documents(_template()) == {
        "api": document()["f"],
        "plan": document()["f"],
    }


def _template(**role: Any) -> dict[str, Any]:
    return {
        "Resources": {
            name: {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Handler": handler, "Role": {"Fn::GetAtt": ["Role", "Arn"]}},
            }
            for name, handler in (("APIHandler", "app.app"), ("Plan", "app.plan"))
        }
        | {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"Policies": [{"PolicyDocument": document()["f"]}]} | role,
            }
        }
    }


def test_policies_that_come_from_elsewhere_are_an_error() -> None:
    with pytest.raises(PolicyError, match="managed"):
        policies.extract_documents(_template(ManagedPolicyArns=["arn:aws:iam::aws:policy/X"]))
    template = _template()
    template["Resources"]["Plan"]["Properties"]["Policies"] = ["AWSLambdaBasicExecutionRole"]
    with pytest.raises(PolicyError, match="beside its role"):
        policies.extract_documents(template)


ONE = Grant("f", "One", "s3:GetObject", '"r"')
TWO = Grant("f", "Two", "s3:PutObject", '"r"')


@pytest.mark.parametrize(
    ("used", "reasons", "fault"),
    [
        ({ONE, TWO}, {}, None),
        ({ONE}, {"f": {"Two": "Lambda does"}}, None),
        ({ONE}, {}, 'f: s3:PutObject on "r" (Two) is used by no test'),
        ({ONE, TWO}, {"f": {"Two": "Lambda does"}}, "its statement needs no reason"),
        ({ONE, TWO}, {"f": {"Three": "gone"}}, "no such statement"),
        ({ONE, TWO}, {"g": {"One": "gone"}}, "no such statement"),
    ],
)
def test_what_is_allowed_is_used_or_has_a_reason(
    used: set[Grant], reasons: dict[str, dict[str, str]], fault: str | None
) -> None:
    found = list(least_privilege.iter_faults([TWO, ONE], used, reasons))
    if fault is None:
        assert found == []
    else:
        (text,) = found
        assert fault in text

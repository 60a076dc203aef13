"""What calls need, as AWS's Service Authorization Reference has it."""

from typing import Any

import pytest

from tools.iamcheck.permissions import (
    UnknownCall,
    get_disclosure_permissions,
    get_required_permissions,
)

TABLES = "arn:aws:dynamodb:us-east-1:000000000000:table/"
QUEUE = "http://127.0.0.1:4566/000000000000/q"
NEEDS: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("dynamodb", "GetItem", {"TableName": "t"}, [("dynamodb:GetItem", TABLES + "t")]),
    ("dynamodb", "DescribeTable", {"TableName": "t"}, [("dynamodb:DescribeTable", TABLES + "t")]),
    ("dynamodb", "Scan", {"TableName": "t"}, [("dynamodb:Scan", TABLES + "t")]),
    (
        "dynamodb",
        "Query",
        {"TableName": "t", "IndexName": "i"},
        [("dynamodb:Query", TABLES + "t/index/i")],
    ),
    (
        "dynamodb",
        "BatchGetItem",
        {"RequestItems": {"a": {}, "b": {}}},
        [("dynamodb:BatchGetItem", TABLES + "a"), ("dynamodb:BatchGetItem", TABLES + "b")],
    ),
    (
        "dynamodb",
        "BatchWriteItem",
        {"RequestItems": {"a": []}},
        [("dynamodb:BatchWriteItem", TABLES + "a")],
    ),
    (
        "dynamodb",
        "TransactWriteItems",
        {
            "TransactItems": [
                {kind: {"TableName": kind.lower()}}
                for kind in ("Put", "Update", "Delete", "ConditionCheck")
            ]
        },
        [
            ("dynamodb:PutItem", TABLES + "put"),
            ("dynamodb:UpdateItem", TABLES + "update"),
            ("dynamodb:DeleteItem", TABLES + "delete"),
            ("dynamodb:ConditionCheckItem", TABLES + "conditioncheck"),
        ],
    ),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k/l"}, [("s3:GetObject", "arn:aws:s3:::b/k/l")]),
    (
        "s3",
        "GetObject",
        {"Bucket": "b", "Key": "k", "VersionId": "v"},
        [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
    ),
    ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
    ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, [("s3:PutObject", "arn:aws:s3:::b/k")]),
    (
        "s3",
        "PutObject",
        {"Bucket": "b", "Key": "k", "IfMatch": "e"},
        [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObject", "arn:aws:s3:::b/k")],
    ),
    (
        "s3",
        "AbortMultipartUpload",
        {"Bucket": "b", "Key": "k"},
        [("s3:AbortMultipartUpload", "arn:aws:s3:::b/k")],
    ),
    ("s3", "ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "HeadBucket", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    (
        "sqs",
        "SendMessageBatch",
        {"QueueUrl": QUEUE},
        [("sqs:SendMessage", "arn:aws:sqs:us-east-1:000000000000:q")],
    ),
    (
        "ssm",
        "GetParameter",
        {"Name": "/a/b"},
        [("ssm:GetParameter", "arn:aws:ssm:us-east-1:000000000000:parameter/a/b")],
    ),
    (
        "ssm",
        "GetParameters",
        {"Names": ["a", "/b"]},
        [
            ("ssm:GetParameters", "arn:aws:ssm:us-east-1:000000000000:parameter/a"),
            ("ssm:GetParameters", "arn:aws:ssm:us-east-1:000000000000:parameter/b"),
        ],
    ),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "needs"), NEEDS)
def test_needs(
    service: str, operation: str, parameters: dict[str, Any], needs: list[tuple[str, str]]
) -> None:
    assert get_required_permissions(service, operation, parameters) == needs


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("dynamodb", "ExecuteStatement", {"Statement": "SELECT"}),
        ("s3", "CopyObject", {"Bucket": "b", "Key": "k"}),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "ACL": "public-read"}),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "ServerSideEncryption": "aws:kms"}),
        ("sqs", "AddPermission", {"QueueUrl": QUEUE}),
        ("ssm", "GetParametersByPath", {"Path": "/"}),
        ("kms", "Decrypt", {}),
    ],
)
def test_what_is_not_known_is_an_error(
    service: str, operation: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(UnknownCall):
        get_required_permissions(service, operation, parameters)


def test_only_who_may_list_is_told_that_an_object_is_missing() -> None:
    parameters = {"Bucket": "b", "Key": "k"}
    listing = [("s3:ListBucket", "arn:aws:s3:::b")]
    assert get_disclosure_permissions("s3", "GetObject", parameters, 404) == listing
    assert get_disclosure_permissions("s3", "GetObject", parameters, 304) == []
    assert get_disclosure_permissions("s3", "PutObject", parameters, 404) == []
    assert get_disclosure_permissions("dynamodb", "GetItem", {"TableName": "t"}, 404) == []

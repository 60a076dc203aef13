"""Which IAM actions on which resources a call to AWS permissions.

As in AWS's Service Authorization Reference and, for S3, in "Required permissions for Amazon S3
API operations". An operation that is not known here is an error: it needs something.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ArnContext:
    """Where resources are."""

    partition: str = "aws"
    region: str = "us-east-1"
    account: str = "000000000000"


#: As the embedded engine has it.
LOCAL = ArnContext()


class UnknownCall(Exception):
    """There is no telling what a call permissions."""


class Call(NamedTuple):
    """What a function did, as IAM sees it."""

    function: str
    action: str
    resource: str


class Permission(NamedTuple):
    """An action and the ARN of what it is done to."""

    action: str
    resource: str


def get_required_permissions(
    service: str, operation: str, parameters: Parameters, place: ArnContext = LOCAL
) -> list[Permission]:
    """What a call needs before it is carried out; raises UnknownCall.

    ``service`` and ``operation`` are botocore's (``dynamodb``, ``GetItem``), and so are the
    parameters.
    """
    if service not in _SERVICES:
        raise UnknownCall(f"{service}: {operation}")
    return _SERVICES[service](operation, parameters, place)


def get_disclosure_permissions(
    service: str, operation: str, parameters: Parameters, status: int, place: ArnContext = LOCAL
) -> list[Permission]:
    """What it needs to be given an answer of this HTTP status.

    That an object is not there S3 tells only those who may list the bucket; others get a 403.
    """
    if service == "s3" and status == 404 and operation in {"GetObject", "HeadObject"}:
        return [Permission("s3:ListBucket", _format_bucket_arn(parameters, place))]
    return []


def format_table_arn(name: str, place: ArnContext = LOCAL) -> str:
    """The ARN of a table; of one that is an ARN already, itself."""
    if name.startswith("arn:"):
        return name
    return f"arn:{place.partition}:dynamodb:{place.region}:{place.account}:table/{name}"


def format_queue_arn(url: str, place: ArnContext = LOCAL) -> str:
    """The ARN of a queue by its URL, of which the path is the account and the name."""
    *_, account, name = urlsplit(url).path.split("/")
    return f"arn:{place.partition}:sqs:{place.region}:{account}:{name}"


_TABLE_OPERATIONS = {
    "CreateTable",
    "DeleteItem",
    "DeleteTable",
    "DescribeContinuousBackups",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "PutItem",
    "UpdateItem",
    "UpdateTable",
    "UpdateTimeToLive",
}
#: Actions of a transaction -> what they permission, as the same action by itself.
_TRANSACTION_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _dynamodb(operation: str, parameters: Parameters, place: ArnContext) -> list[Permission]:
    if operation in _TABLE_OPERATIONS:
        return [_build_table_permission(operation, parameters["TableName"], place)]
    if operation in {"Query", "Scan"}:
        permission = _build_table_permission(operation, parameters["TableName"], place)
        index = parameters.get("IndexName")
        return [
            permission
            if index is None
            else Permission(permission.action, f"{permission.resource}/index/{index}")
        ]
    if operation in {"BatchGetItem", "BatchWriteItem"}:
        return [
            _build_table_permission(operation, name, place) for name in parameters["RequestItems"]
        ]
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        return [
            _build_table_permission(_TRANSACTION_ACTIONS[kind], action["TableName"], place)
            for item in parameters["TransactItems"]
            for kind, action in item.items()
        ]
    if operation == "ListTables":
        return [Permission("dynamodb:ListTables", "*")]
    raise UnknownCall(f"dynamodb: {operation}")


def _build_table_permission(operation: str, table: str, place: ArnContext) -> Permission:
    return Permission(f"dynamodb:{operation}", format_table_arn(table, place))


_OBJECT_OPERATIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObject": "DeleteObject",
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "UploadPart": "PutObject",
}
_BUCKET_OPERATIONS = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}
_VERSIONED_OPERATIONS = {"GetObject", "HeadObject", "DeleteObject"}
#: Each needs permissions of its own (s3:PutObjectAcl, s3:PutObjectTagging, kms:...).
_UNSUPPORTED_PARAMETERS = {
    "ACL",
    "Tagging",
    "ServerSideEncryption",
    "ObjectLockMode",
    "GrantRead",
    "CopySource",
}


def _s3(operation: str, parameters: Parameters, place: ArnContext) -> list[Permission]:
    if unknown := _UNSUPPORTED_PARAMETERS & parameters.keys():
        raise UnknownCall(f"s3: {operation} with {', '.join(sorted(unknown))}")
    bucket = _format_bucket_arn(parameters, place)
    if operation in _BUCKET_OPERATIONS:
        return [Permission(f"s3:{_BUCKET_OPERATIONS[operation]}", bucket)]
    if operation not in _OBJECT_OPERATIONS:
        raise UnknownCall(f"s3: {operation}")
    action = _OBJECT_OPERATIONS[operation]
    if operation in _VERSIONED_OPERATIONS and "VersionId" in parameters:
        # Instead of the other: that one is for the newest version only.
        action += "Version"
    permissions = [Permission(f"s3:{action}", f"{bucket}/{parameters['Key']}")]
    if operation in {"PutObject", "CompleteMultipartUpload"} and "IfMatch" in parameters:
        # Only those who may read an object are told whether its ETag is this one.
        permissions.append(Permission("s3:GetObject", permissions[0].resource))
    return permissions


def _format_bucket_arn(parameters: Parameters, place: ArnContext) -> str:
    return f"arn:{place.partition}:s3:::{parameters['Bucket']}"


_QUEUE_OPERATIONS = {
    "ChangeMessageVisibility",
    "CreateQueue",
    "DeleteMessage",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
    "SetQueueAttributes",
}


def _sqs(operation: str, parameters: Parameters, place: ArnContext) -> list[Permission]:
    # The batch of an action is the same action to IAM.
    action = operation.removesuffix("Batch")
    if action not in _QUEUE_OPERATIONS:
        raise UnknownCall(f"sqs: {operation}")
    url = parameters.get("QueueUrl") or f"/{place.account}/{parameters['QueueName']}"
    return [Permission(f"sqs:{action}", format_queue_arn(url, place))]


def _ssm(operation: str, parameters: Parameters, place: ArnContext) -> list[Permission]:
    if operation in {"GetParameter", "PutParameter", "DeleteParameter"}:
        names = [parameters["Name"]]
    elif operation in {"GetParameters", "DeleteParameters"}:
        names = list(parameters["Names"])
    else:
        raise UnknownCall(f"ssm: {operation}")
    prefix = f"arn:{place.partition}:ssm:{place.region}:{place.account}:parameter/"
    return [Permission(f"ssm:{operation}", prefix + name.removeprefix("/")) for name in names]


_SERVICES = {"dynamodb": _dynamodb, "s3": _s3, "sqs": _sqs, "ssm": _ssm}

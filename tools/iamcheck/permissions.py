"""The IAM permissions that calls to AWS need: actions on resources.

Sources: AWS's Service Authorization Reference and, for S3, "Required permissions for Amazon S3 API
operations". An operation that is missing here raises UnknownCall, since it needs some permission.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ArnContext:
    """The partition, region and account of resources' ARNs."""

    partition: str = "aws"
    region: str = "us-east-1"
    account: str = "000000000000"


#: The context of the embedded engine.
LOCAL = ArnContext()


class UnknownCall(Exception):
    """A call whose permissions are not known."""


class Call(NamedTuple):
    """An action of a function on a resource, as IAM sees it."""

    function: str
    action: str
    resource: str


class Permission(NamedTuple):
    """An action, and the ARN of its resource."""

    action: str
    resource: str


def get_required_permissions(
    service: str, operation: str, parameters: Parameters, context: ArnContext = LOCAL
) -> list[Permission]:
    """Return the permissions that a call needs to be carried out; raises UnknownCall.

    ``service``, ``operation`` and ``parameters`` are botocore's (``dynamodb``, ``GetItem``).
    """
    if service not in _SERVICES:
        raise UnknownCall(f"{service}: {operation}")
    return _SERVICES[service](operation, parameters, context)


def get_disclosure_permissions(
    service: str, operation: str, parameters: Parameters, status: int, context: ArnContext = LOCAL
) -> list[Permission]:
    """Return the permissions that a call needs to get a response with this HTTP status.

    S3 reports a missing object (404) only to callers that may list the bucket; others get a 403.
    """
    if service == "s3" and status == 404 and operation in {"GetObject", "HeadObject"}:
        return [Permission("s3:ListBucket", _format_bucket_arn(parameters, context))]
    return []


def format_table_arn(name: str, context: ArnContext = LOCAL) -> str:
    """Return the ARN of a table; an ARN is returned unchanged."""
    if name.startswith("arn:"):
        return name
    return f"arn:{context.partition}:dynamodb:{context.region}:{context.account}:table/{name}"


def format_queue_arn(url: str, context: ArnContext = LOCAL) -> str:
    """Return the ARN of a queue by its URL, whose path is the account and the name."""
    *_, account, name = urlsplit(url).path.split("/")
    return f"arn:{context.partition}:sqs:{context.region}:{account}:{name}"


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
#: Action of a transaction -> the operation that needs the same permission.
_TRANSACTION_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _dynamodb(operation: str, parameters: Parameters, context: ArnContext) -> list[Permission]:
    if operation in _TABLE_OPERATIONS:
        return [_build_table_permission(operation, parameters["TableName"], context)]
    if operation in {"Query", "Scan"}:
        permission = _build_table_permission(operation, parameters["TableName"], context)
        index = parameters.get("IndexName")
        return [
            permission
            if index is None
            else Permission(permission.action, f"{permission.resource}/index/{index}")
        ]
    if operation in {"BatchGetItem", "BatchWriteItem"}:
        return [
            _build_table_permission(operation, name, context) for name in parameters["RequestItems"]
        ]
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        return [
            _build_table_permission(_TRANSACTION_ACTIONS[kind], action["TableName"], context)
            for item in parameters["TransactItems"]
            for kind, action in item.items()
        ]
    if operation == "ListTables":
        return [Permission("dynamodb:ListTables", "*")]
    raise UnknownCall(f"dynamodb: {operation}")


def _build_table_permission(operation: str, table: str, context: ArnContext) -> Permission:
    return Permission(f"dynamodb:{operation}", format_table_arn(table, context))


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
#: Parameters that need further permissions (s3:PutObjectAcl, s3:PutObjectTagging, kms:...).
_UNSUPPORTED_PARAMETERS = {
    "ACL",
    "Tagging",
    "ServerSideEncryption",
    "ObjectLockMode",
    "GrantRead",
    "CopySource",
}


def _s3(operation: str, parameters: Parameters, context: ArnContext) -> list[Permission]:
    if unknown := _UNSUPPORTED_PARAMETERS & parameters.keys():
        raise UnknownCall(f"s3: {operation} with {', '.join(sorted(unknown))}")
    bucket = _format_bucket_arn(parameters, context)
    if operation in _BUCKET_OPERATIONS:
        return [Permission(f"s3:{_BUCKET_OPERATIONS[operation]}", bucket)]
    if operation not in _OBJECT_OPERATIONS:
        raise UnknownCall(f"s3: {operation}")
    action = _OBJECT_OPERATIONS[operation]
    if operation in _VERSIONED_OPERATIONS and "VersionId" in parameters:
        # Replaces the action without Version, which covers only the newest version.
        action += "Version"
    permissions = [Permission(f"s3:{action}", f"{bucket}/{parameters['Key']}")]
    if operation in {"PutObject", "CompleteMultipartUpload"} and "IfMatch" in parameters:
        # A condition on the ETag reveals it, so it needs the permission to read the object.
        permissions.append(Permission("s3:GetObject", permissions[0].resource))
    return permissions


def _format_bucket_arn(parameters: Parameters, context: ArnContext) -> str:
    return f"arn:{context.partition}:s3:::{parameters['Bucket']}"


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


def _sqs(operation: str, parameters: Parameters, context: ArnContext) -> list[Permission]:
    # IAM treats a batch of an action as that action.
    action = operation.removesuffix("Batch")
    if action not in _QUEUE_OPERATIONS:
        raise UnknownCall(f"sqs: {operation}")
    url = parameters.get("QueueUrl") or f"/{context.account}/{parameters['QueueName']}"
    return [Permission(f"sqs:{action}", format_queue_arn(url, context))]


def _ssm(operation: str, parameters: Parameters, context: ArnContext) -> list[Permission]:
    if operation in {"GetParameter", "PutParameter", "DeleteParameter"}:
        names = [parameters["Name"]]
    elif operation in {"GetParameters", "DeleteParameters"}:
        names = list(parameters["Names"])
    else:
        raise UnknownCall(f"ssm: {operation}")
    prefix = f"arn:{context.partition}:ssm:{context.region}:{context.account}:parameter/"
    return [Permission(f"ssm:{operation}", prefix + name.removeprefix("/")) for name in names]


_SERVICES = {"dynamodb": _dynamodb, "s3": _s3, "sqs": _sqs, "ssm": _ssm}

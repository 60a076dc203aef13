"""Parse HTTP requests to AWS: the service, the operation, and its parameters."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tools.iamcheck.permissions import UnknownCall

_TARGETS = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "AmazonSSM": "ssm"}
_SIGNED_FOR = re.compile(r"Credential=[^/,]+/\d{8}/[^/,]+/(\w+)/aws4_request")
#: Parameters of S3's query that do not decide on the operation.
_NEUTRAL_OPTIONS = {
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "max-keys",
    "partNumber",
    "prefix",
    "start-after",
    "uploadId",
    "versionId",
    "x-id",
}
_OBJECT_OPERATIONS = {
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("PUT", ""): "PutObject",
    ("DELETE", ""): "DeleteObject",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}
_BUCKET_OPERATIONS = {
    ("GET", ""): "ListObjects",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "versions"): "ListObjectVersions",
    ("HEAD", ""): "HeadBucket",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
}
_PARAMETER_HEADERS = {
    "if-match": "IfMatch",
    "if-none-match": "IfNoneMatch",
    "x-amz-acl": "ACL",
    "x-amz-copy-source": "CopySource",
    "x-amz-grant-read": "GrantRead",
    "x-amz-object-lock-mode": "ObjectLockMode",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-tagging": "Tagging",
}


def has_json_body(headers: Mapping[str, str]) -> bool:
    """Return whether the parameters are in the body; other calls' bodies need not be read."""
    return "x-amz-target" in headers


def parse_request(
    method: str, target: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, str, dict[str, Any]]:
    """Return service, operation and parameters of a request; raises UnknownCall.

    ``headers`` have names in lower case. Of S3's parameters, only those are returned that change
    the permissions that a call needs.
    """
    if has_json_body(headers):
        prefix, _, operation = headers["x-amz-target"].partition(".")
        if prefix not in _TARGETS:
            raise UnknownCall(headers["x-amz-target"])
        try:
            return _TARGETS[prefix], operation, json.loads(body)
        except ValueError:
            raise UnknownCall(f"{headers['x-amz-target']}: the body is no JSON") from None
    signed_for = _SIGNED_FOR.search(headers.get("authorization", ""))
    if signed_for is None or signed_for[1] != "s3":
        raise UnknownCall(f"{method} {target}")
    return "s3", *_parse_s3(method, target, headers)


def _parse_s3(method: str, target: str, headers: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    _, bucket, *rest = parts.path.split("/", 2)
    key = unquote("/".join(rest))
    operations = _OBJECT_OPERATIONS if key else _BUCKET_OPERATIONS
    deciding = [name for _, name in operations if name in query]
    operation = operations.get((method, deciding[0] if deciding else ""))
    unknown = query.keys() - _NEUTRAL_OPTIONS - set(deciding)
    if operation is None or unknown or not bucket:
        raise UnknownCall(f"s3: {method} {target}")
    parameters = {
        name: headers[header] for header, name in _PARAMETER_HEADERS.items() if header in headers
    }
    parameters["Bucket"] = unquote(bucket)
    if key:
        parameters["Key"] = key
    if "versionId" in query:
        parameters["VersionId"] = query["versionId"]
    return operation, parameters

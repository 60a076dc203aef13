"""The proxy on the embedded engine: everything gets through, and all of it is written down."""

import io
import os
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.local.engine import Engine
from chalicelib.storage import models, objects
from tools.iamcheck.permissions import Call, UnknownCall
from tools.iamcheck.proxy import Proxy

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/test-packages"
KEY = {"id": {"N": "1"}}


@pytest.fixture
def proxy(engine: Engine, tables: None, bucket: None) -> Iterator[Proxy]:
    with Proxy(engine.url, ["one", "two"]) as running:
        yield running


def client(proxy: Proxy, service: str, name: str = "one") -> Any:
    return boto3.session.Session().client(service, endpoint_url=proxy.get_url(name))


def called(proxy: Proxy) -> list[tuple[str, str]]:
    """Actions and resources so far."""
    found = [(call.action, call.resource) for call in proxy.calls]
    proxy.calls.clear()
    return found


def test_calls_are_those_of_the_name_whose_address_they_come_to(proxy: Proxy) -> None:
    for name in ("one", "two", "one"):
        client(proxy, "dynamodb", name).get_item(TableName="test-packages", Key=KEY)
    assert proxy.calls == [Call(n, "dynamodb:GetItem", TABLE) for n in ("one", "two", "one")]


def test_dynamodb(proxy: Proxy) -> None:
    asked = client(proxy, "dynamodb")
    item = KEY | {"slug": {"S": "é" * 100_000}, "raw": {"B": bytes(range(256))}}
    put = {"TableName": "test-packages", "Item": item}
    check = {"TableName": "test-grids", "Key": KEY, "ConditionExpression": "attribute_exists(id)"}
    with pytest.raises(ClientError, match="TransactionCanceled"):
        asked.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])
    asked.put_item(**put)
    found = asked.query(
        TableName="test-packages",
        IndexName="by-slug",
        KeyConditionExpression="slug = :s",
        ExpressionAttributeValues={":s": item["slug"]},
    )
    assert found["Count"] == 1
    assert asked.scan(TableName="test-packages")["Items"] == [item]
    assert called(proxy) == [
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE.replace("packages", "grids")),
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:Query", TABLE + "/index/by-slug"),
        ("dynamodb:Scan", TABLE),
    ]


def test_objects(proxy: Proxy) -> None:
    asked, bucket = client(proxy, "s3"), objects.get_bucket_name()
    key, content = "a b/ü+?&=#%2F.gz", os.urandom(3 << 20)
    asked.put_object(Bucket=bucket, Key=key, Body=io.BytesIO(content))
    answer = asked.get_object(Bucket=bucket, Key=key)
    assert answer["Body"].read() == content
    assert objects.read(key) is not None
    assert asked.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(content)
    with pytest.raises(ClientError, match="304"):
        asked.get_object(Bucket=bucket, Key=key, IfNoneMatch=answer["ETag"])
    with pytest.raises(ClientError, match="PreconditionFailed"):
        asked.put_object(Bucket=bucket, Key=key, Body=b"", IfNoneMatch="*")
    listed = asked.list_objects_v2(Bucket=bucket, Prefix="a b/")
    assert [entry["Key"] for entry in listed["Contents"]] == [key]
    asked.delete_object(Bucket=bucket, Key=key)
    where = f"arn:aws:s3:::{bucket}"
    assert called(proxy) == [
        ("s3:PutObject", f"{where}/{key}"),
        *[("s3:GetObject", f"{where}/{key}")] * 3,
        ("s3:PutObject", f"{where}/{key}"),
        ("s3:ListBucket", where),
        ("s3:DeleteObject", f"{where}/{key}"),
    ]
    assert proxy.disclosure_calls == []


def test_what_is_told_of_a_missing_object_is_noted_by_itself(proxy: Proxy) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        client(proxy, "s3").get_object(Bucket=objects.get_bucket_name(), Key="nothing")
    where = f"arn:aws:s3:::{objects.get_bucket_name()}"
    assert called(proxy) == [("s3:GetObject", f"{where}/nothing")]
    assert proxy.disclosure_calls == [Call("one", "s3:ListBucket", where)]


def test_large_objects_in_parts_and_one_version_of_an_object(proxy: Proxy) -> None:
    asked, bucket = client(proxy, "s3"), objects.get_bucket_name()
    key = {"Bucket": bucket, "Key": "parts"}
    upload = asked.create_multipart_upload(**key)["UploadId"]
    part = asked.upload_part(**key, UploadId=upload, PartNumber=1, Body=b"x" * 1000)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    asked.complete_multipart_upload(**key, UploadId=upload, MultipartUpload=parts)
    asked.abort_multipart_upload(**key, UploadId=asked.create_multipart_upload(**key)["UploadId"])
    with pytest.raises(ClientError):
        asked.get_object(**key, VersionId="none")
    assert [action for action, _ in called(proxy)] == [
        *["s3:PutObject"] * 4,
        "s3:AbortMultipartUpload",
        "s3:GetObjectVersion",
    ]


def test_queues_and_parameters(proxy: Proxy) -> None:
    queues, name = client(proxy, "sqs"), f"test-{uuid.uuid4().hex}"
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    # As the environment of a function names it: by the engine's own address.
    queues.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "é"}])
    (message,) = queues.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "é"
    queues.delete_queue(QueueUrl=url)
    store = client(proxy, "ssm")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        store.get_parameter(Name="/a/b", WithDecryption=True)
    queue = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    assert called(proxy) == [
        ("sqs:CreateQueue", queue),
        ("sqs:SendMessage", queue),
        ("sqs:ReceiveMessage", queue),
        ("sqs:DeleteQueue", queue),
        ("ssm:GetParameter", "arn:aws:ssm:us-east-1:000000000000:parameter/a/b"),
    ]


def test_pynamodb_asks_nothing_but_what_it_is_told_to(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A DescribeTable at its first use would need a permission that no function has.
    names = {kind: str(model.Meta.table_name) for kind, model in models.MODELS.items()}
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.get_url("two"))
    models.bind_tables(names)
    try:
        assert list(models.PackageItem.by_slug.query("none")) == []
        assert list(models.PackageItem.scan(consistent_read=True)) == []
    finally:
        monkeypatch.undo()
        models.bind_tables(names)
    assert called(proxy) == [("dynamodb:Query", TABLE + "/index/by-slug"), ("dynamodb:Scan", TABLE)]


def test_what_is_not_known_is_refused_and_told_at_the_end(engine: Engine) -> None:
    with pytest.raises(UnknownCall, match=r"one: s3: GET /.*acl"):
        with Proxy(engine.url, ["one"]) as proxy:
            with pytest.raises(ClientError, match="501"):
                client(proxy, "s3").get_bucket_acl(Bucket=objects.get_bucket_name())
            assert proxy.calls == []

"""Tables, bucket and queues of the packaged template."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pynamodb.models import Model

from chalicelib.settings import TABLES
from chalicelib.storage.models import MODELS
from chalicelib.storage.refresh_models import HostItem
from tests.integration.deploy.conftest import Packaged


def logical_id(table: str) -> str:
    return f"{table.title()}Table"


def test_every_table_is_there_on_demand_with_point_in_time_recovery(packaged: Packaged) -> None:
    tables = packaged.of_type("AWS::DynamoDB::Table")
    assert set(tables) == {logical_id(name) for name in TABLES}
    for table in tables.values():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
        # A name of ours would keep CloudFormation from replacing it, and two stacks apart.
        assert "TableName" not in properties
        assert "StreamSpecification" not in properties


def test_tables_outlive_a_stack_in_prod_only(dev: Packaged, prod: Packaged) -> None:
    for stage, packaged, policy, is_protected in (
        ("dev", dev, "Delete", "false"),
        ("prod", prod, "Retain", "true"),
    ):
        assert packaged.template["Parameters"]["Stage"]["AllowedValues"] == [stage]
        assert packaged.template["Mappings"]["Stages"][stage]["Protected"] == is_protected
        for table in packaged.of_type("AWS::DynamoDB::Table").values():
            assert table["Properties"]["DeletionProtectionEnabled"] == {
                "Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "Protected"]
            }
            assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == policy


def test_bucket_and_letters_outlive_a_stack_in_prod_only(dev: Packaged, prod: Packaged) -> None:
    for packaged, policies in (
        (dev, ("Delete", "Delete")),
        # What a first deployment that fails has made would be in the way of the next.
        (prod, ("RetainExceptOnCreate", "Retain")),
    ):
        for name in ("Bucket", "BucketPolicy", "RefreshDeadLetters", "DeadInvocations"):
            resource = packaged.template["Resources"][name]
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == policies


@pytest.mark.parametrize("name", TABLES)
def test_keys_and_indexes_are_those_of_the_model(name: str, prod: Packaged) -> None:
    model: type[Model] = MODELS[name]
    schema = model._get_schema()
    table = prod.properties(logical_id(name))
    assert _keys(table["KeySchema"]) == _keys(schema["key_schema"])
    types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    assert types == {
        a["AttributeName"]: a["AttributeType"]
        for definitions in (
            schema["attribute_definitions"],
            *(i["attribute_definitions"] for i in schema["global_secondary_indexes"]),
        )
        for a in definitions
    }
    assert {
        index["IndexName"]: (_keys(index["KeySchema"]), index["Projection"])
        for index in table.get("GlobalSecondaryIndexes", ())
    } == {
        index["index_name"]: (_keys(index["key_schema"]), index["projection"])
        for index in schema["global_secondary_indexes"]
    }


def _keys(schema: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(key["AttributeName"], key["KeyType"]) for key in schema}


def test_only_slots_of_dead_workers_expire(packaged: Packaged) -> None:
    expiring = {
        name: table["Properties"]["TimeToLiveSpecification"]
        for name, table in packaged.of_type("AWS::DynamoDB::Table").items()
        if "TimeToLiveSpecification" in table["Properties"]
    }
    assert expiring == {"HostsTable": {"AttributeName": "until", "Enabled": True}}
    assert "until" in HostItem.get_attributes()


def test_the_bucket_is_private_encrypted_versioned_and_tidies_itself(packaged: Packaged) -> None:
    bucket = packaged.properties("Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    rules = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rules[0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)
    # The search index and what is known of serials are in use for as long as they are there.
    assert {r["Prefix"] for r in rules if "ExpirationInDays" in r} == {
        "exports/",
        "catalogues/",
        "loads/",
    }


def test_what_is_not_over_tls_is_refused(packaged: Packaged) -> None:
    for name, action in (
        ("BucketPolicy", "s3:*"),
        ("RefreshQueueOverTls", "sqs:*"),
        ("RefreshDeadLettersOverTls", "sqs:*"),
        ("DeadInvocationsOverTls", "sqs:*"),
        ("AlarmTopicPolicy", "sns:Publish"),
    ):
        denials = [
            statement
            for statement in packaged.properties(name)["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert len(denials) == 1
        assert denials[0]["Principal"] == "*"
        assert denials[0]["Action"] == action
        assert denials[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_policy_of_a_queue_is_of_that_queue_alone(packaged: Packaged) -> None:
    # SQS refuses a statement about another (Developer Guide, policies of queues).
    covered = []
    for policy in packaged.of_type("AWS::SQS::QueuePolicy").values():
        (queue,) = policy["Properties"]["Queues"]
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Resource"] == {"Fn::GetAtt": [queue["Ref"], "Arn"]}
        covered.append(queue["Ref"])
    assert sorted(covered) == sorted(packaged.of_type("AWS::SQS::Queue"))


def test_catalogues_that_are_put_into_the_bucket_are_loaded(packaged: Packaged) -> None:
    asked = packaged.properties("Bucket")["NotificationConfiguration"]["LambdaConfigurations"]
    patterns = []
    for configuration in asked:
        assert configuration["Event"] == "s3:ObjectCreated:*"
        assert configuration["Function"] == {"Fn::GetAtt": ["Load", "Arn"]}
        rules = {r["Name"]: r["Value"] for r in configuration["Filter"]["S3Key"]["Rules"]}
        patterns.append((rules["prefix"], rules["suffix"]))
    assert patterns == [("catalogues/", ".json"), ("catalogues/", ".gz")]
    # Only this account's bucket of this name may call it.
    permission = packaged.properties("LoadInvokePermission")
    name = packaged.properties("Bucket")["BucketName"]["Fn::Sub"]
    assert permission["Principal"] == "s3.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"]["Fn::Sub"] == "arn:${AWS::Partition}:s3:::" + name
    assert packaged.template["Resources"]["Bucket"]["DependsOn"] == "LoadInvokePermission"


def test_batches_that_fail_become_dead_letters(packaged: Packaged) -> None:
    queue = packaged.properties("RefreshQueue")
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["RefreshDeadLetters", "Arn"]},
        "maxReceiveCount": 5,
    }
    # AWS Lambda, "Using Lambda with Amazon SQS": six times the function's timeout.
    assert queue["VisibilityTimeout"] >= 6 * packaged.properties("Work")["Timeout"]
    queues = packaged.of_type("AWS::SQS::Queue")
    assert set(queues) == {"RefreshQueue", "RefreshDeadLetters", "DeadInvocations"}
    for name, resource in queues.items():
        assert resource["Properties"]["SqsManagedSseEnabled"] is True
        if name != "RefreshQueue":
            assert resource["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_the_worker_is_told_every_table_the_bucket_and_the_queue(packaged: Packaged) -> None:
    variables = packaged.template["Globals"]["Function"]["Environment"]["Variables"]
    own = packaged.properties("Work")["Environment"]["Variables"]
    wanted = {f"{name.upper()}_TABLE" for name in TABLES}
    assert wanted | {"PACKGRID_BUCKET", "PACKGRID_QUEUE_URL"} <= variables.keys() | own.keys()
    assert packaged.template["Outputs"]["DeadLetterUrl"]["Value"] == {"Ref": "RefreshDeadLetters"}

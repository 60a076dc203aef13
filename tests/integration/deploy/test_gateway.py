"""What is in front of the API, and who is told when something is wrong."""

import json
import re
from typing import Any

import pytest
from chalice.test import Client

import app
from chalicelib import telemetry
from deploy.audit import expand_template
from tests.integration.deploy.conftest import Packaged
from tests.integration.refresh.test_lambda import Context, event
from tests.support import emf

ALARMS = {
    ("AWS/ApiGateway", "5XXError"),
    ("AWS/ApiGateway", "Latency"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/DynamoDB", "ReadThrottleEvents"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("Packgrid", "StalenessSeconds"),
    ("Packgrid", "BudgetsExhausted"),
}


def alarms(packaged: Packaged) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in packaged.of_type("AWS::CloudWatch::Alarm").items()
    }


def test_the_stage_logs_traces_throttles_and_compresses(packaged: Packaged) -> None:
    api = packaged.properties("RestAPI")
    assert api["EndpointConfiguration"] == "REGIONAL"
    assert api["TracingEnabled"] == {"Fn::If": ["HasTracing", True, False]}
    assert api["MinimumCompressionSize"] == 1024
    assert api["AccessLogSetting"]["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    line = json.loads(api["AccessLogSetting"]["Format"].replace("$context", "context"))
    assert {"path", "status", "ms"} <= set(line)
    assert not any("identity" in value for value in line.values())
    (settings,) = api["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["LoggingLevel"] == "ERROR"
    assert settings["DataTraceEnabled"] is False
    for name in ("Rate", "Burst"):
        limit = {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, name]}
        assert settings[f"Throttling{name}Limit"] == limit
        assert packaged.properties("UsagePlan")["Throttle"][f"{name}Limit"] == limit
    # The stage comes after the role with which it writes logs, and after its log group.
    assert api["Variables"] == {
        "role": {"Fn::If": ["HasApiLogRole", {"Ref": "ApiLogAccount"}, "account"]},
        "log": {"Ref": "ExecutionLogs"},
    }


def test_there_is_no_stage_but_the_one_with_limits_and_logs(packaged: Packaged) -> None:
    resources = expand_template(packaged.template)["Resources"].values()
    deployments = [r for r in resources if r["Type"] == "AWS::ApiGateway::Deployment"]
    assert deployments
    assert not any("StageName" in deployment["Properties"] for deployment in deployments)
    assert len([r for r in resources if r["Type"] == "AWS::ApiGateway::Stage"]) == 1


def test_bytes_go_through_the_gateway_as_they_are(packaged: Packaged) -> None:
    body = packaged.properties("RestAPI")["DefinitionBody"]
    assert body["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_every_path_and_method_reaches_the_function(packaged: Packaged) -> None:
    paths = packaged.properties("RestAPI")["DefinitionBody"]["paths"]
    assert {"/", "/{proxy+}", "/api/v4", "/api/v4/packages/{ident}"} <= set(paths)
    methods = {"get", "head", "options", "post", "put", "patch", "delete"}
    for path in paths.values():
        assert methods <= set(path)


def test_errors_of_the_gateway_look_like_those_of_the_api(packaged: Packaged) -> None:
    responses = packaged.properties("RestAPI")["GatewayResponses"]
    assert {"THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    for response in responses.values():
        (body,) = response["ResponseTemplates"].values()
        assert "detail" in json.loads(body.replace("$context.error.messageString", '"text"'))
    assert responses["THROTTLED"]["ResponseParameters"]["Headers"] == {"Retry-After": "'1'"}


def test_alarms_are_on_metrics_that_exist_and_tell_the_topic(packaged: Packaged) -> None:
    found = alarms(packaged)
    assert {(a["Namespace"], a["MetricName"]) for a in found.values()} == ALARMS
    for name, alarm in found.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}], name
        assert alarm["AlarmDescription"]
        if alarm["Namespace"] == telemetry.NAMESPACE:
            assert alarm["MetricName"] in telemetry.METRICS
            assert alarm["Dimensions"] == [{"Name": telemetry.STAGE, "Value": {"Ref": "Stage"}}]


def test_every_read_of_the_api_is_watched_for_throttling(packaged: Packaged) -> None:
    watched = {
        tuple(json.dumps(d["Value"]).strip('"') for d in alarm["Dimensions"])
        for alarm in alarms(packaged).values()
        if alarm["MetricName"] == "ReadThrottleEvents"
    }
    # A table's own metric leaves its indexes out.
    assert watched == {
        ('{"Ref": "PackagesTable"}',),
        ('{"Ref": "PackagesTable"}', "by-slug"),
        ('{"Ref": "GridsTable"}', "by-slug"),
        ('{"Ref": "DirectoryTable"}',),
    }


def test_alarms_look_at_this_stack(packaged: Packaged) -> None:
    for alarm in alarms(packaged).values():
        values = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
        if alarm["Namespace"] == "AWS/ApiGateway":
            title = packaged.properties("RestAPI")["DefinitionBody"]["info"]["title"]
            assert values == {"ApiName": title, "Stage": {"Ref": "Stage"}}
        elif alarm["Namespace"] == "AWS/SQS":
            queue, attribute = values["QueueName"]["Fn::GetAtt"]
            assert attribute == "QueueName"
            assert queue in packaged.of_type("AWS::SQS::Queue")
        elif alarm["Namespace"] == "AWS/Lambda":
            assert values == {"FunctionName": {"Ref": "APIHandler"}}
    api = packaged.properties("RestAPI")["StageName"]
    assert [api] == packaged.template["Parameters"]["Stage"]["AllowedValues"]
    letters = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in alarms(packaged).values()
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }
    assert letters == {"RefreshDeadLetters", "DeadInvocations"}


def test_silence_of_the_schedule_is_an_alarm(packaged: Packaged) -> None:
    assert alarms(packaged)["StalenessAlarm"]["TreatMissingData"] == "breaching"


def widgets(packaged: Packaged, kind: str) -> list[dict[str, Any]]:
    """Properties of the dashboard's widgets of a type, with the names of resources for theirs."""
    text = packaged.properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    body = json.loads(re.sub(r"\$\{([\w:.]+)\}", r"\1", text))
    return [one["properties"] for one in body["widgets"] if one["type"] == kind]


def test_the_dashboard_shows_metrics_that_exist(packaged: Packaged) -> None:
    shown = {
        metric[1]
        for widget in widgets(packaged, "metric")
        for metric in widget["metrics"]
        if metric[0] == telemetry.NAMESPACE
    }
    assert shown
    assert shown <= set(telemetry.METRICS)


def test_the_dashboard_sums_what_the_worker_says(
    packaged: Packaged, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (widget,) = widgets(packaged, "log")
    source, condition, sums = widget["query"].split(" | ")
    assert source == "SOURCE 'WorkLogs'"
    assert packaged.properties("Work")["LoggingConfig"]["LogGroup"] == {"Ref": "WorkLogs"}
    monkeypatch.setenv("PACKGRID_METRICS", "1")
    app.work(event(Client(app.app), "none of ours"), Context(60))
    (line,) = [one for one in emf.read(capsys.readouterr().out).lines if one["event"] == "work"]
    assert condition == f"filter event = '{line['event']}'"
    found = re.fullmatch(r"stats ((?:sum\(\w+\)(?:, )?)+) by bin\(1h\)", sums)
    assert found is not None
    for name in re.findall(r"\((\w+)\)", found[1]):
        assert type(line[name]) is int, name


def test_what_is_optional_is_off_until_a_parameter_says_so(packaged: Packaged) -> None:
    for name, condition in (
        ("WebAclAssociation", "HasWebAcl"),
        ("Domain", "HasDomain"),
        ("DomainMapping", "HasDomain"),
        ("CdnDistribution", "HasCdn"),
        ("CdnCachePolicy", "HasCdn"),
        ("AlarmMail", "HasAlarmEmail"),
    ):
        assert packaged.template["Resources"][name]["Condition"] == condition
    parameters = packaged.template["Parameters"]
    assert parameters["Cdn"]["Default"] == "false"
    for name in ("WebAclArn", "DomainName", "CertificateArn", "AlarmEmail", "GithubTokenParameter"):
        assert parameters[name]["Default"] == ""
    # TLS 1.2 or later, with forward secrecy; API Gateway wants the mode with such a policy.
    domain = packaged.properties("Domain")
    assert domain["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    assert domain["EndpointAccessMode"] == "BASIC"
    assert packaged.properties("WebAclAssociation")["WebACLArn"] == {"Ref": "WebAclArn"}


def test_the_cdn_keeps_apart_what_the_api_tells_apart(packaged: Packaged) -> None:
    policy = packaged.properties("CdnCachePolicy")["CachePolicyConfig"]
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["HeadersConfig"] == {"HeaderBehavior": "whitelist", "Headers": ["Accept"]}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}
    # Nothing is kept for longer than the answer says.
    assert policy["MinTTL"] == policy["DefaultTTL"] == 0


def test_one_request_in_a_hundred_is_traced(packaged: Packaged) -> None:
    (stage,) = packaged.template["Parameters"]["Stage"]["AllowedValues"]
    is_traced = packaged.template["Parameters"]["Tracing"]["Default"] == "Active"
    assert is_traced == (stage == "prod")
    rule = packaged.properties("Sampling")["SamplingRule"]
    assert (rule["ReservoirSize"], rule["FixedRate"]) == (0, 0.01)
    # API Gateway, which decides, is called NAME/STAGE there (AWS X-Ray, sampling rules).
    assert rule["ServiceName"] == {"Fn::Sub": "packgrid?${Stage}*"}
    for function in packaged.of_type("AWS::Serverless::Function").values():
        assert function["Properties"]["Tracing"] == {"Ref": "Tracing"}

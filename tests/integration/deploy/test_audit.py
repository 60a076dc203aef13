"""Findings of checkov need a written answer, and answers a finding."""

from deploy.audit import Disposition, Finding, expand_template, find_unanswered, read_dispositions
from tests.integration.deploy.conftest import Packaged

FINDING = Finding("CKV_AWS_1", "AWS::S3::Bucket.Bucket", "a check")


def test_an_answer_is_about_one_check_at_its_resources() -> None:
    answer = Disposition("CKV_AWS_1", "AWS::S3::.*", "because")
    assert find_unanswered([FINDING], [answer]) == ([], [])
    other = Finding("CKV_AWS_2", FINDING.resource, "another check")
    assert find_unanswered([FINDING, other], [answer]) == ([other], [])
    elsewhere = Finding("CKV_AWS_1", "AWS::SQS::Queue.Queue", "a check")
    assert find_unanswered([elsewhere], [answer]) == ([elsewhere], [answer])


def test_every_answer_has_a_reason() -> None:
    answers = read_dispositions()
    assert answers
    assert all(len(answer.reason) > 40 for answer in answers)
    assert len({answer.id for answer in answers}) == len(answers)


def test_the_audit_sees_what_cloudformation_makes(prod: Packaged) -> None:
    kinds = [resource["Type"] for resource in expand_template(prod.template)["Resources"].values()]
    assert not [kind for kind in kinds if kind.startswith("AWS::Serverless")]
    assert kinds.count("AWS::Lambda::Function") == 7
    assert kinds.count("AWS::Events::Rule") == 4
    assert "AWS::Lambda::EventSourceMapping" in kinds
    assert "AWS::ApiGateway::Stage" in kinds

"""Clients of AWS services: their limits, one a service, and the codes of their errors."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from chalicelib.storage import aws

REFUSED = ClientError({"Error": {"Code": "SlowDown", "Message": "no"}}, "PutObject")
UNREACHABLE = EndpointConnectionError(endpoint_url="nowhere")


@pytest.mark.parametrize("service", ["s3", "sqs", "ssm"])
def test_a_client_has_short_timeouts_and_few_attempts(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    # Not the one that the other tests share.
    client = aws.client.__wrapped__(service)
    try:
        config = client.meta.config
        assert client.meta.service_model.service_name == service
        assert (config.connect_timeout, config.read_timeout) == (1, 5)
        assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    finally:
        client.close()


def test_a_service_has_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    # Services that Packgrid does not use: other tests share the clients of the others.
    assert aws.client("sts") is aws.client("sts")
    assert aws.client("sts") is not aws.client("iam")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (REFUSED, "SlowDown"),
        (ClientError({}, "PutObject"), None),
        (UNREACHABLE, None),
        (ValueError("of our own"), None),
        (None, None),
    ],
)
def test_only_an_answer_of_a_service_has_a_code(
    error: BaseException | None, code: str | None
) -> None:
    assert aws.error_code(error) == code


def test_an_answer_of_a_service_is_told_from_other_errors() -> None:
    assert isinstance(REFUSED, aws.ServiceError)
    assert not isinstance(UNREACHABLE, aws.ServiceError)
    assert isinstance(REFUSED, aws.AWS_ERRORS)
    assert isinstance(UNREACHABLE, aws.AWS_ERRORS)
    assert aws.is_missing_credentials(NoCredentialsError())
    assert not aws.is_missing_credentials(REFUSED)

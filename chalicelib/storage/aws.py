"""Clients of AWS services, and the errors that they raise."""

from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

#: Limits of every call. Three attempts of a call that stalls take 18 s and the waits between
#: them, so an API request is answered before API Gateway gives up at 29 s. Retries are botocore's
#: "standard" ones, with exponential backoff and jitter.
CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 5
MAX_ATTEMPTS = 3

#: A service answered with an error.
ServiceError = ClientError
#: Every error of a client: those, and calls that could not be made or were not answered.
AWS_ERRORS = (ClientError, BotoCoreError)


@cache
def client(service: str) -> Any:
    """Return this process's client of a service, such as ``s3``.

    boto3 is imported here because requests that need no client must not wait for it.
    """
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        service,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        ),
    )


def error_code(error: BaseException | None) -> str | None:
    """Return the code that a service gave an error; ``None`` if no service answered."""
    if not isinstance(error, ClientError):
        return None
    code = error.response.get("Error", {}).get("Code")
    return None if code is None else str(code)


def is_missing_credentials(error: BaseException | None) -> bool:
    """Return whether a call failed because no AWS credentials are configured."""
    return isinstance(error, NoCredentialsError)

"""Events as API Gateway makes them, put to the app."""

import json
from typing import Any

import app
from tests.support.api_client import SITE

ITEM = "/api/v4/packages/{ident}"
CATCH_ALL = "/{proxy+}"


def answer_to(
    path: str,
    resource: str,
    stage: str = "prod",
    query: dict[str, list[str]] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """The app's answer to an event of a REST API (format 1.0), as its documentation shows it."""
    names = {part.strip("{}+") for part in resource.split("/") if part.startswith("{")}
    tail = path.rstrip("/").rpartition("/")[2]
    event = {
        "resource": resource,
        "path": path,
        "httpMethod": "GET",
        "headers": SITE,
        "multiValueHeaders": {name: [value] for name, value in SITE.items()},
        "queryStringParameters": {k: v[-1] for k, v in query.items()} if query else None,
        "multiValueQueryStringParameters": query,
        "pathParameters": dict.fromkeys(names, tail) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": "GET",
            "path": path,
            "stage": stage,
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": None,
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = app.app(event | changes, None)
    assert json.loads(json.dumps(answer)) == answer
    return answer

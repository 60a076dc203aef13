#!/usr/bin/env bash
# aws_lambda_powertools.utilities.batch has nothing to do with calls to AWS: it splits an event into
# records. One expects its import to have no effect outside of it. But importing any part of
# Powertools registers an initializer with botocore, and every client that is made afterwards in the
# process, also by other libraries, sends a longer User-Agent. Recorded requests, tests that compare
# headers, and proxies that match them see the difference.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  aws-lambda-powertools==3.37.0 boto3==1.43.106 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import socket
from importlib.metadata import version

import boto3

with socket.create_server(("127.0.0.1", 0)) as unused:
    port = unused.getsockname()[1]


def sent_user_agent() -> str:
    """Return the User-Agent that a new client would send; nothing is sent."""
    client = boto3.session.Session().client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    seen = []

    def look(request, **_):
        seen.append(request.headers["User-Agent"])
        raise ConnectionAbortedError

    client.meta.events.register_last("before-send", look)
    try:
        client.list_queues()
    except ConnectionAbortedError:
        pass
    agent = seen[0]
    return agent.decode() if isinstance(agent, bytes) else agent


before = sent_user_agent()
import aws_lambda_powertools.utilities.batch

after = sent_user_agent()
print("aws-lambda-powertools", version("aws-lambda-powertools"), "boto3", version("boto3"))
print("before the import:", "PT/" in before)
print("after the import: ", "PT/" in after, after[after.index("PT/") :] if "PT/" in after else "")
if "PT/" in before or "PT/" not in after:
    raise SystemExit("this has changed")
PYTHON

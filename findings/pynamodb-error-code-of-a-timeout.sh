#!/usr/bin/env bash
# PynamoDB wraps whatever botocore raises in PutError, UpdateError and so on, and documents
# `cause_response_code` as the way to learn why: it is Optional[str], so one expects `None` where
# DynamoDB gave no answer. After a read timeout it raises AttributeError instead: botocore's
# HTTPClientError has an attribute `response`, which is None, so the property's default is not
# used. Code that asks "was it the condition?" in an except block fails with another error than the
# one that it handles.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pynamodb==6.1.0 botocore==1.43.106 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import os
import socket
from importlib.metadata import version

os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.models import Model

# A server that takes connections and never answers.
silent = socket.create_server(("127.0.0.1", 0))


class Item(Model):
    class Meta:
        table_name = "items"
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        read_timeout_seconds = 0.3
        connect_timeout_seconds = 0.3
        max_retry_attempts = 0

    name = UnicodeAttribute(hash_key=True)


try:
    Item("a").save(condition=Item.name.does_not_exist())
except PutError as error:
    print("pynamodb", version("pynamodb"), "botocore", version("botocore"))
    print("cause:", type(error.cause).__name__)
    try:
        print("cause_response_code:", error.cause_response_code)
    except AttributeError as second:
        print("cause_response_code raises:", repr(second))
        raise SystemExit(0) from None
raise SystemExit("this has changed: no AttributeError")
PYTHON

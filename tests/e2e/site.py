"""The deployed stack, as its users and its operator reach it."""

import http.client
import json
import re
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from chalicelib.local.engine import Engine
from deploy.stack import Stack
from tests.contract import golden
from tests.contract.golden import Reply
from tests.e2e.steps import Failed, check, say, until

STAGE = "dev"
#: That of the recordings.
HOST = "djangopackages.org"
#: The emulated API Gateway has its stage in every path, so links are made of this parameter.
BASE_URL = f"https://{HOST}"
HEADERS = {"Host": HOST, "X-Forwarded-Proto": "https", "Accept": "*/*"}
#: The bounds of requests are those of the template, so whoever asks fast is told to wait.
_THROTTLED, _PAUSE_SECONDS, _TRIES = 429, 0.25, 40
_LOG_LINES = 30
#: What Lambda writes to a function's log; the first is there when a run has ended.
_STARTED = "START RequestId"
_DURATION = re.compile(r"Duration: (\d+) ms")
_PLATFORM = (_STARTED, "END RequestId", "REPORT RequestId")


class Site:
    """One stack on an engine. Outputs are read anew after each deployment."""

    def __init__(self, engine: Engine, folder: Path, parameters: dict[str, str]) -> None:
        self.engine = engine
        self.folder = folder
        self.parameters = parameters
        self.said: list[str] = []
        #: How many answers were a 429 of the gateway's.
        self.throttled = 0
        # Its waiters are made for a cloud that takes minutes.
        self.stack = Stack(STAGE, self._hear, {"Delay": 1, "MaxAttempts": 60})
        self.outputs: dict[str, str] = {}
        self._own_rates: dict[str, str] = {}
        session = boto3.session.Session()
        self.s3, self.sqs, self.ssm, self.logs, self.events, self.cloudformation = (
            session.client(name)
            for name in ("s3", "sqs", "ssm", "logs", "events", "cloudformation")
        )

    def _hear(self, text: str) -> None:
        self.said.append(text)
        say(text)

    def deploy(self, parameters: dict[str, str] | None = None) -> None:
        """Deploy what is in the folder; parameters that are not given stay."""
        given = self.parameters if parameters is None else parameters
        self.outputs = self.stack.deploy(self.folder, given)

    def put_token(self, parameter: str, token: str) -> None:
        """Keep a token of a host as the operator does."""
        self.ssm.put_parameter(Name=parameter, Value=token, Type="SecureString", Overwrite=True)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.outputs["BucketName"]

    def ask(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """An answer to a path of the API, asked as the recordings were."""
        return self.send({"method": method, "path": path, "headers": {**HEADERS, **headers}})

    def send(self, request: dict[str, Any]) -> Reply:
        """Send a recorded request through the emulated API Gateway."""
        prefix = f"/restapis/{self.outputs['RestAPIId']}/{STAGE}/_user_request_"
        for _ in range(_TRIES):
            try:
                reply = golden.ask(self.engine.port, request | {"path": prefix + request["path"]})
            except (OSError, http.client.HTTPException) as error:
                raise Failed(f"{request['method']} {request['path']}: {error!r}", "api") from error
            if reply.status != _THROTTLED:
                return reply
            self.throttled += 1
            time.sleep(_PAUSE_SECONDS)
        raise Failed(f"{request['method']} {request['path']}: still throttled", "api")

    def json(self, path: str) -> Any:
        """What a path answers with 200."""
        reply = self.ask(path)
        check(reply.status == 200, f"{path}: {reply.status} {reply.body[:300]!r}", "api")
        return json.loads(reply.body)

    def objects(self, prefix: str) -> list[str]:
        """The keys under a prefix."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", ())]

    def outcome(self, upload: str) -> dict[str, Any]:
        """What became of a catalogue that was put under ``catalogues/``, once that is known."""
        (key,) = until(
            f"an outcome of {upload} under loads/",
            lambda: self.objects(f"loads/{upload}."),
            90,
            "load",
        )
        content = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        outcome: dict[str, Any] = json.loads(content)
        return outcome

    def messages(self, queue: str) -> int:
        """How many messages a queue (an output's name) has, whether they are worked on or not."""
        names = ["", "NotVisible", "Delayed"]
        wanted = [f"ApproximateNumberOfMessages{name}" for name in names]
        found = self.sqs.get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=wanted)[
            "Attributes"
        ]
        return sum(int(found[name]) for name in wanted)

    def physical_id(self, logical_id: str) -> str:
        """The name that a resource of the template has."""
        found = self.cloudformation.describe_stack_resource(
            StackName=self.stack.name, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def set_rate(self, function: str, rate: str | None = None) -> None:
        """Have the rule of a scheduled function fire at another rate; without one, its own."""
        logical_id = f"{function.capitalize()}{function.capitalize()}Event"
        rule = self.events.describe_rule(Name=self.physical_id(logical_id))
        own = self._own_rates.setdefault(function, rule["ScheduleExpression"])
        self.events.put_rule(Name=rule["Name"], ScheduleExpression=rate or own, State=rule["State"])

    def runs(self, function: str) -> int:
        """How often a function was called, so far as it has ended."""
        return sum(line.startswith(_STARTED) for line in self._lines(function))

    def tell_runs(self, function: str) -> None:
        """Tell how often a function was called, and how long that took."""
        lines = [one for one in self._lines(function) if one.startswith("REPORT RequestId")]
        found = sorted(int(_DURATION.search(line)[1]) for line in lines)  # type: ignore[index]
        if found:
            middle = found[len(found) // 2]
            say(f"{function}: {len(found)} runs, median {middle:,} ms, longest {found[-1]:,} ms")

    def log(self, function: str) -> list[str]:
        """The last lines that a function wrote."""
        lines = [one for one in self._lines(function) if not one.startswith(_PLATFORM)]
        return lines[-_LOG_LINES:]

    def _lines(self, function: str) -> list[str]:
        group = f"/packgrid/{self.stack.name}/{function}"
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        try:
            events = [event for page in pages for event in page["events"]]
        except ClientError as error:
            return [f"no log {group}: {error}"]
        events.sort(key=lambda event: event["timestamp"])
        return [str(event["message"]).rstrip() for event in events]

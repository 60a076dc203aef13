"""What the functions called, against what the packaged template's roles allow them."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator

from deploy.package import TEMPLATE_NAME
from tests.e2e import copying
from tests.e2e.site import Site
from tests.e2e.steps import check, say
from tools.iamcheck import policies
from tools.iamcheck.permissions import LOCAL, Call, format_queue_arn, format_table_arn
from tools.iamcheck.policies import Grant

_TOKENS = ("Github", "Gitlab", "Bitbucket")
#: What Lambda does for a function rather than its code: logs, traces, and reading the queue.
_LAMBDAS = ("logs:", "xray:")
_LOGICAL_ID = re.compile(r'"Fn::GetAtt": \["(\w+)"')
_LAMBDAS_SIDS = {"DeadInvocations"}
_LAMBDAS_ACTIONS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}


def audit(site: Site, stack: policies.Stack, calls: list[Call]) -> None:
    """Every call was allowed; what was allowed and never done is told."""
    template = json.loads((site.folder / TEMPLATE_NAME).read_text())
    allowed = policies.from_template(template, stack)
    silent = set(copying.names(site.folder)) - {one.function for one in calls}
    check(not silent, f"no call was seen of {', '.join(sorted(silent))}")
    refused = allowed.find_refused_calls(calls)
    lines = "\n".join(f"    {one.function}: {one.action} on {one.resource}" for one in refused)
    check(not refused, f"on AWS this would have been refused:\n{lines}")
    say(f"{len(calls):,} calls, {len(set(calls))} of them different, each allowed to its function")
    unused: dict[str, set[str]] = defaultdict(set)
    for grant in filter(_is_of_code, allowed.find_unused_grants(calls)):
        unused[grant.function].add(f"{grant.action} on {_named(grant.resource)}")
    for function, grants in sorted(unused.items()):
        say(f"never used here, {function}: {', '.join(sorted(grants))}")


def _is_of_code(grant: Grant) -> bool:
    return not (
        grant.action.startswith(_LAMBDAS)
        or grant.sid in _LAMBDAS_SIDS
        or grant.action in _LAMBDAS_ACTIONS
    )


def _named(resource: str) -> str:
    """A resource as a person calls it, of what stands in the policy."""
    found = _LOGICAL_ID.search(resource)
    return (
        found[1] if found else resource.rpartition(policies.BUCKET)[2].strip('"}') or "the bucket"
    )


def described(site: Site) -> policies.Stack:
    """What the intrinsics of the policies come to in the stack."""
    references = {
        "AWS::Partition": LOCAL.partition,
        "AWS::Region": LOCAL.region,
        "AWS::AccountId": LOCAL.account,
        "AWS::StackName": site.stack.name,
    }
    found = site.cloudformation.describe_stacks(StackName=site.stack.name)["Stacks"][0]
    references |= {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}
    conditions = {f"Has{host}Token": bool(references[f"{host}TokenParameter"]) for host in _TOKENS}
    conditions["HasTokens"] = any(conditions.values())
    return policies.Stack(site.bucket, references, dict(_arns(site)), conditions)


def _arns(site: Site) -> Iterator[tuple[str, str]]:
    pages = site.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=site.stack.name
    )
    for one in (one for page in pages for one in page["StackResourceSummaries"]):
        name, physical_id = one["LogicalResourceId"], one["PhysicalResourceId"]
        match one["ResourceType"]:
            case "AWS::DynamoDB::Table":
                yield name, format_table_arn(physical_id)
            case "AWS::SQS::Queue":
                yield name, format_queue_arn(physical_id)
            case "AWS::Logs::LogGroup":
                place = f"{LOCAL.partition}:logs:{LOCAL.region}:{LOCAL.account}"
                yield name, f"arn:{place}:log-group:{physical_id}:*"

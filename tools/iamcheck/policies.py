"""The functions' IAM policies: the calls that they allow, and the grants that no call used.

Only the parts of IAM's language that our policies use are supported. Anything else is an error:
ignoring it would make a policy look narrower or wider than it is.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tools.iamcheck.permissions import LOCAL, ArnContext, Call, format_queue_arn, format_table_arn

CHALICE = Path(__file__).resolve().parents[2] / ".chalice"
#: The bucket's name in the policies; the template derives it from the stack.
BUCKET = "${AWS::StackName}-${AWS::AccountId}"
_NO_VALUE = {"Ref": "AWS::NoValue"}
_ELEMENTS = {"Sid", "Effect", "Action", "Resource"}
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class PolicyError(Exception):
    """A policy has an element that is not supported, or refers to one that the stack lacks."""


class Grant(NamedTuple):
    """One action on one resource that a statement allows.

    ``resource`` is the policy's own text, as JSON; its intrinsics are resolved for each stack.
    """

    function: str
    sid: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.function}: {self.action} on {self.resource} ({self.sid})"


@dataclass(frozen=True)
class Stack:
    """The values of a stack's intrinsics.

    ``references``: parameters and pseudo parameters by name (``Ref``); ``arns`` by logical id
    (``Fn::GetAtt``); ``conditions`` by name, where a missing one is false.
    """

    bucket: str
    references: Mapping[str, str]
    arns: Mapping[str, str]
    conditions: Mapping[str, bool] = field(default_factory=dict)


#: Queues of the stack that Lambda uses and our code does not.
_SERVICE_QUEUES = ("DeadInvocations", "RefreshDeadLetters")
_TOKEN_CONDITIONS = {
    "github": "HasGithubToken",
    "gitlab": "HasGitlabToken",
    "bitbucket": "HasBitbucketToken",
}


def build_stack(
    tables: Mapping[str, str],
    bucket: str,
    queue_url: str | None = None,
    token_parameters: Mapping[str, str] | None = None,
    context: ArnContext = LOCAL,
) -> Stack:
    """Build a stack from its tables by kind (``packages``) and its token parameters by host."""
    arns = {
        f"{kind.capitalize()}Table": format_table_arn(name, context)
        for kind, name in tables.items()
    }
    arns["RefreshQueue"] = format_queue_arn(queue_url or "/none/RefreshQueue", context)
    arns |= {
        name: format_queue_arn(f"/{context.account}/{name}", context) for name in _SERVICE_QUEUES
    }
    for function in list_functions():
        group = f"/packgrid/{function}"
        arns[f"{function.capitalize()}Logs"] = (
            f"arn:{context.partition}:logs:{context.region}:{context.account}:log-group:{group}:*"
        )
    parameters = dict(token_parameters or {})
    conditions = {condition: host in parameters for host, condition in _TOKEN_CONDITIONS.items()}
    references = {
        "AWS::Partition": context.partition,
        "AWS::Region": context.region,
        "AWS::AccountId": context.account,
    } | {
        f"{host.capitalize()}TokenParameter": parameters.get(host, "") for host in _TOKEN_CONDITIONS
    }
    return Stack(bucket, references, arns, conditions | {"HasTokens": bool(parameters)})


class Policies:
    """The policies of all functions in one stack."""

    def __init__(self, documents: Mapping[str, Any], stack: Stack) -> None:
        self._patterns: dict[tuple[str, str], list[tuple[Grant, str]]] = {}
        for grant in _iter_grants(documents, lambda name: stack.conditions.get(name, False)):
            pattern = _resolve(json.loads(grant.resource), stack)
            key = grant.function, grant.action.lower()
            self._patterns.setdefault(key, []).append((grant, pattern))

    def find_grants(self, function: str, action: str, resource: str) -> list[Grant]:
        """Return the grants that allow an action on a resource; none if it is not allowed."""
        candidates = self._patterns.get((function, action.lower()), [])
        return [grant for grant, pattern in candidates if matches(pattern, resource)]

    def allows(self, function: str, action: str, resource: str) -> bool:
        """Return whether a function may perform an action on a resource."""
        return bool(self.find_grants(function, action, resource))

    def find_refused_calls(self, calls: Iterable[Call]) -> list[Call]:
        """Return the calls that are not allowed, each once and in order."""
        return sorted({call for call in calls if not self.allows(*call)})

    def find_unused_grants(self, calls: Iterable[Call]) -> list[Grant]:
        """Return the grants that none of the calls needed, in order."""
        used = {grant for call in set(calls) for grant in self.find_grants(*call)}
        return sorted(
            {grant for patterns in self._patterns.values() for grant, _ in patterns} - used
        )


def from_files(stack: Stack) -> Policies:
    """Return the policies of ``.chalice/policies``."""
    return Policies(read_documents(), stack)


def from_template(template: Mapping[str, Any], stack: Stack) -> Policies:
    """Return the policies of the functions of a packaged template."""
    return Policies(extract_documents(template), stack)


@cache
def read_documents() -> dict[str, Any]:
    """Read the policy documents by function, as ``.chalice/config.json`` names them."""
    config = json.loads((CHALICE / "config.json").read_text())
    if config["autogen_policy"] is not False:
        raise PolicyError("Chalice would write policies of its own")
    if any("lambda_functions" in stage for stage in config["stages"].values()):
        raise PolicyError("a stage has policies of its own")
    return {
        _get_function_name(name): json.loads((CHALICE / options["iam_policy_file"]).read_text())
        for name, options in config["lambda_functions"].items()
    }


def list_functions() -> list[str]:
    """Return the functions' names, as in ``app.py``; ``api`` is the application itself."""
    return list(read_documents())


def get_all_grants() -> set[Grant]:
    """Return every grant of ``.chalice/policies``, under any conditions."""
    conditions = (lambda _: True, lambda _: False)
    return {
        grant for condition in conditions for grant in _iter_grants(read_documents(), condition)
    }


def extract_documents(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy documents by function, from the roles of a packaged template."""
    resources = template["Resources"]
    documents = {}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        options = resource["Properties"]
        if "Policies" in options:
            raise PolicyError(f"{name} has policies beside its role")
        role = resources[options["Role"]["Fn::GetAtt"][0]]["Properties"]
        if role.get("ManagedPolicyArns"):
            raise PolicyError(f"the role of {name} has managed policies")
        (policy,) = role["Policies"]
        documents[_get_function_name(options["Handler"].removeprefix("app."))] = policy[
            "PolicyDocument"
        ]
    return documents


def _get_function_name(name: str) -> str:
    """Return a function's name; Chalice calls the API ``api_handler``, and ``app`` in templates."""
    return "api" if name in {"api_handler", "app"} else name


def _iter_grants(documents: Mapping[str, Any], condition: Callable[[str], bool]) -> Iterator[Grant]:
    for function, document in documents.items():
        if set(document) != {"Version", "Statement"} or document["Version"] != "2012-10-17":
            raise PolicyError(f"{function}: a document is a Version 2012-10-17 and a Statement")
        sids = set()
        for statement in _iter_elements(document["Statement"], condition):
            _check_statement(function, statement)
            if statement["Sid"] in sids:
                raise PolicyError(f"{function}: there are two statements {statement['Sid']}")
            sids.add(statement["Sid"])
            for action in _to_list(statement["Action"]):
                for resource in _iter_elements(statement["Resource"], condition):
                    text = json.dumps(resource)
                    yield Grant(function, statement["Sid"], action, text)


def _check_statement(function: str, statement: Any) -> None:
    if not isinstance(statement, dict) or set(statement) != _ELEMENTS:
        raise PolicyError(f"{function}: not just {sorted(_ELEMENTS)}: {statement}")
    if statement["Effect"] != "Allow":
        raise PolicyError(f"{function}: {statement['Sid']}: only Allow is understood")
    for action in _to_list(statement["Action"]):
        if "*" in action or "?" in action:
            raise PolicyError(f"{function}: {statement['Sid']}: {action} is more than one action")


def _to_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _iter_elements(value: Any, condition: Callable[[str], bool]) -> Iterator[Any]:
    """Yield the elements of a list, with ``Fn::If`` resolved."""
    for element in _to_list(value):
        while isinstance(element, dict) and set(element) == {"Fn::If"}:
            name, then, otherwise = element["Fn::If"]
            element = then if condition(name) else otherwise
        if element != _NO_VALUE:
            yield element


def _resolve(value: Any, stack: Stack) -> str:
    if isinstance(value, str):
        if "${" in value:
            raise PolicyError(f"variables of IAM's are not understood: {value}")
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((intrinsic, argument),) = value.items()
        if intrinsic == "Ref":
            return _look_up(stack.references, argument)
        if intrinsic == "Fn::GetAtt":
            return _get_attribute(".".join(_to_list(argument)), stack)
        if intrinsic == "Fn::Sub" and isinstance(argument, str):
            return _substitute(argument, stack)
    raise PolicyError(f"not understood: {value}")


def _substitute(text: str, stack: Stack) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        return _get_attribute(name, stack) if "." in name else _look_up(stack.references, name)

    return _VARIABLE.sub(value, text.replace(BUCKET, stack.bucket))


def _get_attribute(text: str, stack: Stack) -> str:
    name, _, attribute = text.partition(".")
    if attribute != "Arn":
        raise PolicyError(f"only Arn is understood: {text}")
    return _look_up(stack.arns, name)


def _look_up(values: Mapping[str, str], name: str) -> str:
    if name not in values:
        raise PolicyError(f"the stack has no {name}")
    return values[name]


def matches(pattern: str, resource: str) -> bool:
    """Return whether a policy's resource covers a resource (IAM, "Resource": ``*`` and ``?``).

    Wildcards match within one of an ARN's six parts; only in the last do they match colons.
    """
    if pattern == "*":
        return True
    parts, others = pattern.split(":", 5), resource.split(":", 5)
    return len(parts) == len(others) and all(map(_part_matches, parts, others))


def _part_matches(pattern: str, part: str) -> bool:
    return _compile_pattern(pattern).fullmatch(part) is not None


@cache
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)

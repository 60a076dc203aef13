"""What a command on this machine needs to know of a deployed stage."""

import shlex
from typing import Any

import boto3
from botocore.config import Config

from deploy.stack import Stack

#: The function that is told most of all: tables, bucket, queue, hosts and names of tokens.
_FUNCTION = "Work"
#: What only a command asks for -> the output of the stack that it is.
_OUTPUTS = {"PACKGRID_DEAD_LETTER_URL": "DeadLetterUrl"}
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}
)


def variables(stage: str) -> dict[str, str]:
    """The environment of the stage's worker, for ``python -m chalicelib.cli``, by name.

    What is empty there is empty here too, so that nothing of another stage is left over. Raises
    CannotDeploy if there is no such stack, and errors of botocore.
    """
    stack = Stack(stage)
    outputs = stack.outputs()
    session = boto3.session.Session()
    cloudformation: Any = session.client("cloudformation", config=_CONFIG)
    functions: Any = session.client("lambda", config=_CONFIG)
    resource = cloudformation.describe_stack_resource(
        StackName=stack.name, LogicalResourceId=_FUNCTION
    )
    function = functions.get_function_configuration(
        FunctionName=resource["StackResourceDetail"]["PhysicalResourceId"]
    )
    return {
        "AWS_DEFAULT_REGION": stack.region,
        **function["Environment"]["Variables"],
        **{name: outputs[output] for name, output in _OUTPUTS.items()},
    }


def exports(found: dict[str, str]) -> str:
    """The variables as lines that a shell evaluates."""
    return "".join(f"export {name}={shlex.quote(found[name])}\n" for name in sorted(found))

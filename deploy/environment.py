"""The environment that points commands on this machine at a deployed stage."""

import shlex
from typing import Any

import boto3
from botocore.config import Config

from deploy.stack import Stack

#: The function with the most complete environment: tables, bucket, queue, hosts, token names.
_FUNCTION = "Work"
#: Variables that only commands use -> the stack's output with their value.
_OUTPUTS = {"PACKGRID_DEAD_LETTER_URL": "DeadLetterUrl"}
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}
)


def get_variables(stage: str) -> dict[str, str]:
    """Return the environment of the stage's worker, for ``packgrid``.

    Empty variables are included, so that none of another stage stays set. Raises DeployError if
    there is no such stack, and botocore's errors.
    """
    stack = Stack(stage)
    outputs = stack.get_outputs()
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


def format_exports(variables: dict[str, str]) -> str:
    """Return the variables as lines that a shell evaluates."""
    return "".join(f"export {name}={shlex.quote(variables[name])}\n" for name in sorted(variables))

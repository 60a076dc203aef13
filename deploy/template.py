"""The template of a stage: Chalice's template with our resources, adapted to the stage."""

from typing import Any

Template = dict[str, Any]

#: The stage whose tables, bucket and dead letters outlive their stack; others are for trials.
KEPT_STAGE = "prod"
#: Resources of the account rather than of the stack, which are always kept.
_ACCOUNT_RESOURCES = {"ApiLogRole", "ApiLogAccount"}


def fit_to_stage(template: Template, stage: str, public_index: str) -> Template:
    """Limit a template to one stage; unless the stage is kept, its data goes with the stack.

    ``public_index`` is the address of the public package index: pip knows it, and Lambda has no
    pip.
    """
    template["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
    template["Description"] = f"Packgrid, {stage}: a directory of packages behind REST API v4"
    template["Parameters"]["PublicIndexUrl"]["Default"] = public_index
    if stage != KEPT_STAGE:
        template["Parameters"]["Tracing"]["Default"] = "PassThrough"
        for name, resource in template["Resources"].items():
            if "DeletionPolicy" in resource and name not in _ACCOUNT_RESOURCES:
                resource["DeletionPolicy"] = resource["UpdateReplacePolicy"] = "Delete"
    return template


def get_functions(template: Template) -> dict[str, Template]:
    """Return the Lambda functions by logical id."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def set_package(template: Template, bucket: str, key: str) -> Template:
    """Make all functions run a package in a bucket."""
    for function in get_functions(template).values():
        function["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return template

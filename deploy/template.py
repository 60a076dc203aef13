"""The template of a stage: what Chalice wrote with the resources merged in, made fit for it."""

from typing import Any

Template = dict[str, Any]

#: The stage whose tables, bucket and letters outlive their stack. Others are for trials.
KEPT_STAGE = "prod"
#: What belongs to the account rather than to the stack stays in any case.
_ACCOUNTS = {"ApiLogRole", "ApiLogAccount"}


def fit(template: Template, stage: str, public_index: str) -> Template:
    """The template for this stage only, which may be removed if it is for trials.

    ``public_index`` is the address of the public package index: pip knows it, and Lambda has none.
    """
    template["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
    template["Description"] = f"Packgrid, {stage}: a directory of packages behind REST API v4"
    template["Parameters"]["PublicIndexUrl"]["Default"] = public_index
    if stage != KEPT_STAGE:
        template["Parameters"]["Tracing"]["Default"] = "PassThrough"
        for name, resource in template["Resources"].items():
            if "DeletionPolicy" in resource and name not in _ACCOUNTS:
                resource["DeletionPolicy"] = resource["UpdateReplacePolicy"] = "Delete"
    return template


def functions(template: Template) -> dict[str, Template]:
    """The Lambda functions by logical id."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def point_to(template: Template, bucket: str, key: str) -> Template:
    """Have all functions run the package that is in a bucket."""
    for function in functions(template).values():
        function["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return template

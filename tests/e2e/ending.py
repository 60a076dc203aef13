"""Steps: another version is deployed, tables are exported, and the stack is removed."""

import json
from typing import Any

import boto3

from tests.e2e import copying
from tests.e2e.refreshing import fired
from tests.e2e.serving import Catalogue
from tests.e2e.site import Site
from tests.e2e.steps import check, say, until
from tests.e2e.world import CatalogueWorld

_BEFORE, _AFTER = "Not found.", "There is nothing."


def update(site: Site) -> None:
    """Deploy a version that answers otherwise: so it does, and the data is still there."""
    absent = "/api/v4/nothing/"
    listed = site.json("/api/v4/packages/?limit=50")
    _expect_detail(site, absent, _BEFORE)
    copying.change(
        site.folder, "chalicelib/api/exceptions.py", f'detail = "{_BEFORE}"', f'detail = "{_AFTER}"'
    )
    site.deploy({})
    _expect_detail(site, absent, _AFTER)
    check(site.json("/api/v4/packages/?limit=50") == listed, "the data is not the same", "api")
    site.said.clear()
    site.deploy({})
    check("nothing changed" in site.said[-1], "deploying the same again changes something")


def _expect_detail(site: Site, path: str, detail: str) -> None:
    reply = site.ask(path)
    found = reply.status, json.loads(reply.body)
    check(found == (404, {"detail": detail}), f"{path}: {found}", "api")


def publish(site: Site, world: CatalogueWorld, catalogue: Catalogue) -> None:
    """The index is built anew by its rule, and the search knows what the refresh changed."""
    words = world.get_truth(catalogue.watched).description
    slug = catalogue.packages[catalogue.watched]["fields"]["slug"]
    path = f"/api/v4/search/?q={words.replace(' ', '%20')}"
    check(slug not in _slugs(site, path), f"{slug} is found before the index is built")
    fired(site, "publish", "export")
    until(f"{slug} by its new description", lambda: slug in _slugs(site, path), 30, "publish")
    say(f"{slug} is found by {words!r}")


def _slugs(site: Site, path: str) -> list[str]:
    return [one["slug"] for one in site.json(path)]


def export(site: Site, catalogue: Catalogue) -> None:
    """The export that was made meanwhile is whole, and has every package."""
    marks = until(
        "an export that is finished",
        lambda: [key for key in site.objects("exports/") if key.endswith("/export.json")],
        60,
        "export",
    )
    content = site.s3.get_object(Bucket=site.bucket, Key=marks[0])["Body"].read()
    tables: dict[str, Any] = json.loads(content)["tables"]
    counts = {kind: table["itemCount"] for kind, table in tables.items()}
    check(counts["packages"] == len(catalogue.packages), f"exported were {counts}", "export")
    say(f"{marks[0]}: {sum(counts.values()):,} items of {len(counts)} tables")


def destroy(site: Site) -> None:
    """Nothing is left but what belongs to the account: the artefacts, and API Gateway's role."""
    site.stack.destroy()
    session = boto3.session.Session()
    left = {
        "stacks": [
            one["StackName"]
            for one in site.cloudformation.list_stacks()["StackSummaries"]
            if one["StackStatus"] != "DELETE_COMPLETE"
        ],
        "tables": session.client("dynamodb").list_tables()["TableNames"],
        "buckets": [one["Name"] for one in site.s3.list_buckets()["Buckets"]],
        "queues": site.sqs.list_queues().get("QueueUrls", []),
        "functions": [
            one["FunctionName"] for one in session.client("lambda").list_functions()["Functions"]
        ],
        "rules": [one["Name"] for one in site.events.list_rules()["Rules"]],
        "APIs": [one["name"] for one in session.client("apigateway").get_rest_apis()["items"]],
        "alarms": session.client("cloudwatch").describe_alarms()["MetricAlarms"],
    }
    left["buckets"].remove(site.stack.artefacts.bucket)
    check(not any(left.values()), f"left are { ({k: v for k, v in left.items() if v}) }")

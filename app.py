"""Wiring only: what API Gateway calls, and where it leads."""

from typing import Any

from chalice.app import CloudWatchEvent, Rate, Response, SQSEvent

from chalicelib.api.application import METHODS, Application
from chalicelib.api.routes import RESOURCES

app = Application(app_name="packgrid")


def api_v4(**_path: Any) -> Response:
    """Every resource of the API; the path itself says which."""
    return app.answer()


for _resource in RESOURCES:
    app.route(_resource, methods=METHODS, content_types=["*/*"])(api_v4)


@app.schedule(Rate(1, unit=Rate.HOURS))
def publish(event: CloudWatchEvent) -> None:
    """Build the search index anew and publish it."""
    from chalicelib.search import publisher

    publisher.publish()


@app.schedule(Rate(10, unit=Rate.MINUTES))
def plan(event: CloudWatchEvent) -> None:
    """Send what is due to the queue, a batch a message."""
    from chalicelib.refresh import service

    service.plan()


@app.schedule(Rate(1, unit=Rate.DAYS))
def enrol(event: CloudWatchEvent) -> None:
    """Bring the sources of figures up to date with the catalogue."""
    from chalicelib.refresh import service

    service.enrol()


@app.schedule(Rate(1, unit=Rate.DAYS))
def export(event: CloudWatchEvent) -> None:
    """Write all tables to the bucket."""
    from chalicelib.backup import exporter

    exporter.export()


@app.lambda_function(name="load")
def load(event: dict[str, Any], context: Any) -> list[dict[str, Any]]:
    """Load the catalogues that were put in the bucket."""
    from chalicelib.importer import upload

    return upload.load(event, lambda: context.get_remaining_time_in_millis() / 1000)


@app.on_sqs_message(queue="packgrid-refresh", batch_size=1)
def work(event: SQSEvent) -> dict[str, Any]:
    """Ask a host about a batch; names the messages that shall be delivered again."""
    from chalicelib.refresh import service

    context: Any = event.context
    seconds_left = context.get_remaining_time_in_millis() / 1000
    return service.work(event.to_dict()["Records"], seconds_left)

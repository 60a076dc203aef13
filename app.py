"""Chalice wiring: the function for requests, and those for schedules, the queue and the bucket."""

from typing import Any

from chalice.app import CloudWatchEvent, Rate, Response, SQSEvent

from chalicelib.api.application import METHODS, Application
from chalicelib.api.routes import RESOURCES

app = Application(app_name="packgrid")


def api_v4(**_path: Any) -> Response:
    """Handle a request for any resource; the application reads the path itself."""
    return app.handle_current_request()


for _resource in RESOURCES:
    app.route(_resource, methods=METHODS, content_types=["*/*"])(api_v4)


@app.schedule(Rate(1, unit=Rate.HOURS))
def publish(event: CloudWatchEvent) -> None:
    """Build the search index and publish it."""
    from chalicelib import functions

    functions.publish()


@app.schedule(Rate(10, unit=Rate.MINUTES))
def plan(event: CloudWatchEvent) -> None:
    """Send the sources that are due to the queue."""
    from chalicelib import functions

    functions.plan()


@app.schedule(Rate(1, unit=Rate.DAYS))
def enrol(event: CloudWatchEvent) -> None:
    """Update the table of sources from the catalogue."""
    from chalicelib import functions

    functions.enrol()


@app.schedule(Rate(1, unit=Rate.DAYS))
def export(event: CloudWatchEvent) -> None:
    """Write all tables to the bucket."""
    from chalicelib import functions

    functions.export()


@app.lambda_function(name="load")
def load(event: dict[str, Any], context: Any) -> list[Any]:
    """Load the catalogues that were put in the bucket."""
    from chalicelib import functions

    return functions.load(event, context)


@app.on_sqs_message(queue="packgrid-refresh", batch_size=1)
def work(event: SQSEvent) -> dict[str, Any]:
    """Refresh a batch; return the messages to deliver again."""
    from chalicelib import functions

    context: Any = event.context
    return functions.work(event.to_dict(), context)

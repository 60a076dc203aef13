"""Steps: the schedule refreshes figures through the queue; what fails is kept, and sent again."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import REPOSITORY
from deploy import environment
from tests.e2e.site import STAGE, Site
from tests.e2e.steps import check, say, until
from tests.e2e.world import CatalogueWorld
from tools.fakehosts import builder, events

#: The engine's scheduler looks every ten seconds, and counts from when a rule was made.
_OFTEN, _FIRED_SECONDS = "rate(1 minute)", 100
_REFRESHED_SECONDS = 180
_PAGE = 100
_GARBAGE = "this is no batch"


def refresh(site: Site, world: CatalogueWorld) -> None:
    """The rules of the schedule enrol and plan, the queue calls the worker, it asks the hosts."""
    wanted = set(world.asked())
    before = set(_differing(site, world, wanted))
    check(before, "every figure was there before the refresh")
    fired(site, "enrol", "plan")
    until("requests of the worker at the hosts", lambda: world.log.total, 60, "work")
    until("an empty queue", lambda: not site.messages("QueueUrl"), _REFRESHED_SECONDS, "work")
    left = list(_differing(site, world, wanted))
    check(not left, f"the API has not the figures of {len(left)}, such as {left[:5]}", "work")
    check(not world.violations, f"limits of hosts were passed: {world.violations[:3]}", "work")
    say(f"{len(before)} of {len(wanted)} repositories have new figures")
    _expect_versions(site, world)
    say(f"requests: {_asked(world)}")
    check(not site.messages("DeadLetterUrl"), "there are dead letters", "work")
    check(not site.messages("DeadInvocationsUrl"), "there are dead invocations", "plan")


def fired(site: Site, *functions: str) -> None:
    """Let the schedule's rules of functions fire once, earlier than at their own rate."""
    before = {name: site.runs(name) for name in functions}
    for name in functions:
        site.set_rate(name, _OFTEN)
    for name in functions:
        until(
            f"a run of {name} by its rule",
            lambda name=name: site.runs(name) > before[name],  # type: ignore[misc]
            _FIRED_SECONDS,
            name,
        )
        site.set_rate(name)


def _asked(world: CatalogueWorld) -> dict[str, int]:
    """Requests by host."""
    asked: Counter[str] = Counter()
    for (host, _, _), count in world.log.counts.copy().items():
        asked[host] += count
    return dict(asked)


def _packages(site: Site, world: CatalogueWorld) -> Iterator[dict[str, Any]]:
    """All packages as the API has them."""
    for start in range(0, len(world.packages), _PAGE):
        yield from site.json(f"/api/v4/packages/?limit={_PAGE}&offset={start}")["results"]


def _differing(site: Site, world: CatalogueWorld, wanted: set[int]) -> Iterator[int]:
    """Those packages of which the API does not have the figures that code hosts tell."""
    names = ("repo_watchers", "repo_forks", "repo_description")
    listed = {found["id"]: tuple(found[name] for name in names) for found in _packages(site, world)}
    for id in sorted(wanted):
        truth = world.get_truth(id)
        if listed.get(id) != (truth.stars, truth.forks, truth.description):
            yield id


def _expect_versions(site: Site, world: CatalogueWorld) -> None:
    """The index allows so many requests a minute; the other projects wait for a later plan."""
    versions = {found["id"]: found["pypi_version"] for found in _packages(site, world)}
    wanted = {id: version for id in versions if (version := world.version(id))}
    known = sum(versions[id] == version for id, version in wanted.items())
    check(known, "the API has no version that the index tells", "work")
    say(f"{known} of {len(wanted)} projects have their newest version; the index has a limit")


def lose_and_redrive(site: Site, world: CatalogueWorld, watched: int) -> None:
    """A token that was pasted wrongly makes every try fail; mended, dead letters are worked on."""
    parameter = site.parameters["GithubTokenParameter"]
    site.put_token(parameter, "a token and more")
    # A process that has a token keeps it for some minutes; another environment is another process.
    site.deploy({"Contact": "operator@example.org"})
    # In place of half an hour, so that the next try is soon.
    _set_visibility(site, 1)
    world.trigger(watched, events.STAR)
    batch = Batch(builder.GITHUB, REPOSITORY, datetime.now(UTC), (watched,), is_full=True)
    _send(site, batch.to_message())
    # On the engine a function that raises is a cold start at each try.
    until("a dead letter", lambda: site.messages("DeadLetterUrl") == 1, 180, "work")
    check(list(_differing(site, world, {watched})), "the lost batch was worked on", "work")
    site.put_token(parameter, world.tokens[builder.GITHUB])
    _send(site, _GARBAGE)
    until("two dead letters", lambda: site.messages("DeadLetterUrl") == 2, 90, "work")
    # Longer than working on one package takes, so that it is not given to two.
    _set_visibility(site, 5)
    said = _command(site, "redrive")
    check(said.startswith("2 "), f"redrive says {said!r}")
    say(said)
    until(
        f"the new stars of package {watched}",
        lambda: not list(_differing(site, world, {watched})),
        60,
        "work",
    )


def expect_garbage(site: Site) -> None:
    """What is no batch at all was sent again, failed again, and is a dead letter once more."""
    until("the queue's end", lambda: not site.messages("QueueUrl"), 90, "work")
    check(site.messages("DeadLetterUrl") == 1, "what is no batch is not kept", "work")
    check(not site.messages("DeadInvocationsUrl"), "there are dead invocations", "publish")
    letters = site.sqs.receive_message(QueueUrl=site.outputs["DeadLetterUrl"])["Messages"]
    check(letters[0]["Body"] == _GARBAGE, f"the dead letter is {letters[0]['Body']!r}", "work")


def _send(site: Site, text: str) -> None:
    site.sqs.send_message(QueueUrl=site.outputs["QueueUrl"], MessageBody=text)


def _set_visibility(site: Site, seconds: int) -> None:
    site.sqs.set_queue_attributes(
        QueueUrl=site.outputs["QueueUrl"], Attributes={"VisibilityTimeout": str(seconds)}
    )


def _command(site: Site, *arguments: str) -> str:
    """What a command of an operator says."""
    # As the operator does it, but for the address, which is the worker's own here.
    variables = environment.get_variables(STAGE) | {"AWS_ENDPOINT_URL": site.engine.url}
    done = subprocess.run(
        [sys.executable, "-m", "chalicelib.cli", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    check(done.returncode == 0, f"{arguments} says {done.stderr.strip()}")
    return done.stdout.strip()

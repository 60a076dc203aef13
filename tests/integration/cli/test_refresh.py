"""``refresh``: what it asks, what it changes, and what it says."""

from datetime import datetime

import pytest

from chalicelib.storage import sources
from tests.integration.cli.conftest import Site
from tests.support import state
from tests.support.api_client import ask
from tests.support.serving import answering
from tools.fakehosts import builder, events

#: The hosts as the world names them, and as our own names of them.
HOSTS = {
    builder.GITHUB: "github",
    builder.GITLAB: "gitlab",
    builder.BITBUCKET: "bitbucket",
    builder.CODEBERG: "codeberg",
    builder.FORGEJO: "git.forge.example",
    builder.OWN_GITLAB: "gitlab.forge.example",
    builder.INDEX: "index",
}


def test_figures_of_every_host_are_in_the_api_after_a_refresh(site: Site) -> None:
    with answering() as port:
        before = {id: ask(port, f"/api/v4/packages/{id}/").json for id in site.world.packages}
        assert {found["repo_watchers"] for found in before.values()} == {0}
        assert site.run("refresh") == 0
        after = {id: ask(port, f"/api/v4/packages/{id}/").json for id in site.world.packages}
    for id, found in after.items():
        truth = site.world.get_truth(id)
        if truth.host == builder.OTHER:
            # Nobody is asked, or the index only.
            assert found["repo_watchers"] == 0
            continue
        shown = (found["repo_watchers"], found["repo_forks"], found["repo_description"])
        assert shown == (truth.stars, truth.forks, truth.description), truth.host
        assert datetime.fromisoformat(found["last_fetched"]) == site.time.now()
    assert {site.host(id) for id in after} == set(HOSTS) - {builder.INDEX} | {builder.OTHER}
    state.assert_sound()


def test_the_summary_counts_packages_and_requests_by_host(site: Site) -> None:
    assert site.run("refresh") == 0
    asked = site.asked()
    packages = [site.host(id) for id in site.world.packages]
    assert set(site.table()) == set(HOSTS.values())
    for host, name in HOSTS.items():
        wanted = len(site.world.projects) if host == builder.INDEX else packages.count(host)
        assert site.counts(name) == {"changed": wanted, "requests": asked[host]}
    assert site.err == ""


def test_what_was_just_asked_is_not_due(site: Site) -> None:
    site.run("refresh", "--host", "index")
    site.world.log.clear()
    assert site.run("refresh", "--host", "index") == 0
    assert site.out == "nothing is due\n"
    assert site.asked() == {}


def test_all_asks_also_what_is_not_due(site: Site) -> None:
    site.run("refresh", "--host", "index")
    site.time.advance(hours=1)
    released = next(iter(site.world.projects))
    site.world.trigger(released, events.RELEASE)
    assert site.run("refresh", "--host", "index") == 0
    assert site.out == "nothing is due\n"
    assert site.run("refresh", "--all", "--host", "index") == 0
    counts = site.counts("index")
    assert (counts["changed"], counts["unchanged"]) == (1, len(site.world.projects) - 1)
    truth = site.world.get_truth(released).project
    assert truth is not None
    with answering() as port:
        shown = ask(port, f"/api/v4/packages/{released}/").json["pypi_version"]
    assert shown == truth.version


def test_one_package_is_asked_due_or_not_and_no_other(site: Site) -> None:
    package = next(id for id in site.world.projects if site.host(id) == builder.GITLAB)
    for hours in (0, 1):
        site.world.log.clear()
        site.time.advance(hours=hours)
        assert site.run("refresh", "--package", site.world.packages[package].name) == 0
        assert set(site.table()) == {"gitlab", "index"}
        assert {about for _, about in site.world.log.shares} == {package}
        assert set(site.asked()) == {builder.GITLAB, builder.INDEX}


def test_one_package_at_one_host(site: Site) -> None:
    package = next(id for id in site.world.projects if site.host(id) == builder.GITHUB)
    assert (
        site.run("refresh", "--package", site.world.packages[package].name, "--host", "index") == 0
    )
    assert site.counts("index") == {"changed": 1, "requests": 1}
    assert site.asked() == {builder.INDEX: 1}


def test_a_package_that_nobody_can_be_asked_about_is_said_so(site: Site) -> None:
    package = next(id for id in site.world.packages if site.host(id) == builder.OTHER)
    name = site.world.packages[package].name
    assert site.run("refresh", "--package", name, "--host", "github") == 0
    assert site.out == f"{name} has no source at github\n"
    assert site.asked() == {}


def test_only_the_named_host_is_asked(site: Site) -> None:
    assert site.run("refresh", "--host", "gitlab.forge.example") == 0
    assert site.counts("gitlab.forge.example") == {
        "changed": 1,
        "requests": site.asked()[builder.OWN_GITLAB],
    }
    assert set(site.asked()) == {builder.OWN_GITLAB}


def test_a_limit_holds_for_each_host(site: Site) -> None:
    assert site.run("refresh", "--limit", "2") == 0
    assert {name: site.counts(name)["changed"] for name in site.table()} == {
        "github": 2,
        "gitlab": 2,
        "bitbucket": 1,
        "codeberg": 1,
        "git.forge.example": 1,
        "gitlab.forge.example": 1,
        "index": 2,
    }
    # The others are due as before.
    assert site.run("refresh", "--host", "github", "--all", "--dry-run") == 0
    assert site.table()["github"]["sources"] == "17"
    assert site.run("refresh", "--host", "github") == 0
    assert site.counts("github")["changed"] == 15


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], {"github": 17, "gitlab": 2, "index": 22, "codeberg": 1}),
        (["--all"], {"github": 17, "gitlab": 2, "index": 22, "codeberg": 1}),
        (["--limit", "3"], {"github": 3, "gitlab": 2, "index": 3, "codeberg": 1}),
        (["--host", "gitlab"], {"gitlab": 2}),
        (["--host", "github", "--limit", "1"], {"github": 1}),
    ],
)
def test_a_dry_run_says_what_would_be_asked_and_asks_and_writes_nothing(
    site: Site, options: list[str], wanted: dict[str, int]
) -> None:
    # Nor is a source enrolled that is missing.
    for row in sources.get_package_sources(site.of(builder.OTHER)):
        if row.kind == "repository":
            sources.delete_source(row)
    before = state.rows()
    assert site.run("refresh", "--dry-run", *options) == 0
    said = {name: int(row["sources"]) for name, row in site.table().items()}
    assert said.items() >= wanted.items()
    if "--host" in options:
        assert said == wanted
    assert site.out.endswith("dry run: nothing was asked and nothing written\n")
    assert site.asked() == {}
    assert state.rows() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--package", "no-such-thing"], "packgrid: no package has the slug 'no-such-thing'"),
        (["--package", ""], "packgrid: no package has the slug ''"),
        (["--package", "x" * 2049], "packgrid: no package has the slug 'xxx"),
        (["--host", "sourceforge"], "packgrid: no host sourceforge: one of github, gitlab, "),
        (["--host", ""], "packgrid: no host : one of "),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_name_that_is_none_is_said_and_changes_nothing(
    site: Site, options: list[str], more: list[str], said: str
) -> None:
    # Also what a refresh would do first is left undone.
    sources.delete_source(sources.get_package_sources(1)[0])
    before = state.rows()
    assert site.run("refresh", *options, *more) == 2
    assert site.out == ""
    (line,) = site.err.splitlines()
    assert line.startswith(said)
    assert site.asked() == {}
    assert state.rows() == before


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", "", "\u0663"])
def test_a_limit_must_be_a_whole_number_above_0(site: Site, limit: str) -> None:
    before = state.rows()
    assert site.run("refresh", f"--limit={limit}") == 2
    assert f"Invalid value for '--limit': {limit!r} is not a whole number above 0" in site.err
    assert site.asked() == {}
    assert state.rows() == before


def test_all_and_one_package_exclude_each_other(site: Site) -> None:
    assert site.run("refresh", "--all", "--package", site.world.packages[1].name) == 2
    assert "--package is not allowed with --all" in site.err
    assert site.asked() == {}
    assert site.asked() == {}

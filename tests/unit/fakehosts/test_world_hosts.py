"""The other simulated hosts and the index serve the world's truth, as they would."""

import pytest

from tests.support.upstream.asking import FakeTime
from tests.support.upstream.visiting import Asking
from tools.fakehosts import World, builder, events


@pytest.mark.parametrize("host", [builder.GITLAB, builder.OWN_GITLAB])
def test_gitlab_serves_the_truth(world: World, host: str) -> None:
    package = next(found.package_id for found in world.repositories.values() if found.host == host)
    truth, gitlab = world.get_truth(package), Asking(world, host)
    path = f"/api/v4/projects/{truth.address.replace('/', '%2F')}"
    found = gitlab.get(path)
    assert found.json()["star_count"] == truth.stars
    assert gitlab.get(path, **{"If-None-Match": found.headers["ETag"]}).status_code == 304
    people, page = [], "1"
    while page:
        answer = gitlab.get(f"{path}/repository/contributors?per_page=5&page={page}")
        people += answer.json()
        page = answer.headers["X-Next-Page"]
    assert sum(entry["commits"] for entry in people) == truth.plain_commits
    assert tuple(entry["name"] for entry in people) == truth.names
    newest = gitlab.get(f"{path}/repository/commits?per_page=3")
    assert newest.json()[0]["id"] == truth.head
    assert "X-Total" not in newest.headers


def test_gitlab_takes_fifty_paths_and_follows_no_rename(world: World) -> None:
    found = [one for one in world.repositories.values() if one.host == builder.GITLAB]
    paths = [one.path for one in found]
    world.trigger(found[0].package_id, events.RENAME)
    query = """query($paths: [String!]) { projects(fullPaths: $paths, first: 50) { nodes {
      id fullPath starCount repository { empty tree { lastCommit { sha } } } } } }"""
    gitlab = Asking(world, builder.GITLAB)
    answer = gitlab.graphql(query, "/api/graphql", paths=paths)
    nodes = {node["fullPath"]: node for node in answer["data"]["projects"]["nodes"]}
    assert set(nodes) == set(paths[1:])
    truth = world.get_truth(found[1].package_id)
    assert nodes[truth.address]["repository"]["tree"]["lastCommit"]["sha"] == truth.head
    assert gitlab.graphql(query, "/api/graphql", paths=["a/b"] * 51)["errors"]
    many = " ".join(f'p{n}: project(fullPath: "a/b") {{ id name starCount }}' for n in range(80))
    assert "complexity" in gitlab.graphql(f"{{ {many} }}", "/api/graphql")["errors"][0]["message"]
    redirect = gitlab.get(f"/api/v4/projects/{paths[0].replace('/', '%2F')}")
    assert redirect.status_code == 301
    assert redirect.headers["Location"].endswith(f"/api/v4/projects/{found[0].id}")


def test_bitbucket_serves_the_truth(world: World) -> None:
    package = next(
        found.package_id
        for found in world.repositories.values()
        if found.host == builder.BITBUCKET and found.total > 30
    )
    truth, bitbucket = world.get_truth(package), Asking(world, builder.BITBUCKET)
    path = f"/2.0/repositories/{truth.address}"
    assert bitbucket.get(path).json()["description"] == truth.description
    assert bitbucket.get(f"{path}/watchers?pagelen=1").json()["size"] == truth.stars
    assert bitbucket.get(f"{path}/forks?pagelen=1").json()["size"] == truth.forks
    hashes, following = [], f"{path}/commits?limit=50"
    while following:
        page = bitbucket.get(following.removeprefix("https://api.bitbucket.org")).json()
        assert len(page["values"]) <= 30
        hashes += [commit["hash"] for commit in page["values"]]
        following = page.get("next", "")
    assert (hashes[0], len(set(hashes))) == (truth.head, truth.commits)


@pytest.mark.parametrize("host", [builder.CODEBERG, builder.FORGEJO])
def test_forgejo_serves_the_truth(world: World, host: str) -> None:
    package = next(found.package_id for found in world.repositories.values() if found.host == host)
    truth, forgejo = world.get_truth(package), Asking(world, host)
    path = f"/api/v1/repos/{truth.address}"
    assert forgejo.get(path).json()["stars_count"] == truth.stars
    newest = forgejo.get(f"{path}/commits?limit=1&stat=false&verification=false&files=false")
    assert newest.json()[0]["sha"] == truth.head
    assert newest.headers["X-Total-Count"] == str(truth.commits)
    world.trigger(package, events.RENAME)
    redirect = forgejo.get(path)
    assert redirect.status_code == 307
    assert forgejo.get(redirect.headers["Location"]).json()["full_name"] == f"{truth.address}-2"


def test_the_index_serves_the_truth(world: World, time: FakeTime) -> None:
    package, gone = list(world.projects)[:2]
    index = Asking(world, builder.INDEX)
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    root = index.get("/simple/", **accept)
    serials = {entry["name"]: entry["_last-serial"] for entry in root.json()["projects"]}
    truth = world.get_truth(package).project
    assert truth is not None
    assert serials[truth.name] == truth.serial
    assert len(serials) == len(world.projects)
    etag = root.headers["ETag"]
    assert index.get("/simple/", **accept, **{"If-None-Match": etag}).status_code == 304
    document = index.get(f"/pypi/{truth.name}/json")
    info = document.json()["info"]
    assert (info["version"], info["requires_python"]) == (truth.version, truth.requires_python)
    assert info["classifiers"] == list(truth.classifiers)
    assert document.json()["last_serial"] == truth.serial
    assert document.headers["X-PyPI-Last-Serial"] == str(truth.serial)
    uploaded = [file["upload_time_iso_8601"] for file in document.json()["urls"]]
    assert uploaded[0] == truth.released.isoformat().replace("+00:00", "Z")
    match = {"If-None-Match": document.headers["ETag"]}
    assert index.get(f"/pypi/{truth.name}/json", **match).status_code == 304
    time.advance(days=1)
    world.trigger(package, events.RELEASE)
    newer = index.get(f"/pypi/{truth.name.upper()}/json", **match).json()
    assert newer["info"]["version"] != truth.version
    assert index.get("/simple/", **accept, **{"If-None-Match": etag}).status_code == 200
    world.projects[gone].is_gone = True
    assert index.get(f"/pypi/{world.projects[gone].name}/json").status_code == 404


def test_the_downloads_service_serves_the_truth(world: World) -> None:
    package, truth = next((number, world.get_truth(number).project) for number in world.projects)
    assert truth is not None
    answer = Asking(world, builder.DOWNLOADS).get(
        f"/api/packages/{world.projects[package].key}/recent"
    )
    assert answer.json()["data"]["last_month"] == truth.downloads

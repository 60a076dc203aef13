"""The simulated GitHub serves the world's truth, as GitHub would."""

from collections import Counter

from tests.support.upstream.asking import FakeTime
from tests.support.upstream.visiting import REPOSITORIES, Asking, aliases, package_of
from tools.fakehosts import World, builder, events
from tools.fakehosts.repository import format_timestamp


def test_github_serves_the_truth_over_rest(world: World) -> None:
    package = package_of(world, builder.GITHUB, least=5)
    truth, github = world.get_truth(package), Asking(world, builder.GITHUB)
    path = f"/repos/{truth.address.upper()}"
    found = github.get(path).json()
    assert found["full_name"] == truth.address
    assert (found["stargazers_count"], found["forks_count"]) == (truth.stars, truth.forks)
    page = github.get(f"{path}/commits?per_page=1")
    assert page.json()[0]["sha"] == truth.head
    assert page.links["last"]["url"].endswith(f"page={truth.commits}")
    assert github.get(f"{path}/stats/participation").status_code == 202
    assert github.get(f"{path}/stats/participation").json()["all"] == list(
        truth.count_weekly_commits()
    )
    logins = [entry["login"] for entry in github.get(f"{path}/contributors?per_page=100").json()]
    assert tuple(logins) == truth.participants[:100]


def test_githubs_lists_of_many_pages_are_whole(world: World) -> None:
    package = max(
        (found for found in world.repositories.values() if found.host == builder.GITHUB),
        key=lambda found: found.authors if found.total < 10_000 else 0,
    ).package_id
    truth, github = world.get_truth(package), Asking(world, builder.GITHUB)
    assert len(truth.participants) > 20
    logins: list[str] = []
    path = f"/repos/{truth.address}/contributors?per_page=10"
    while path:
        answer = github.get(path)
        logins += [entry["login"] for entry in answer.json()]
        path = answer.links.get("next", {}).get("url", "").removeprefix("https://api.github.com")
    assert tuple(logins) == truth.participants
    commits, counts = [], Counter[str]()
    for page in range(1, truth.commits // 100 + 2):
        answer = github.get(f"/repos/{truth.address}/commits?per_page=100&page={page}")
        commits += answer.json()
    assert len({commit["sha"] for commit in commits}) == truth.commits
    counts.update(commit["author"]["login"] for commit in commits if len(commit["parents"]) < 2)
    assert set(counts) == set(truth.participants)
    assert counts.most_common(1)[0][0] == truth.participants[0]
    dates = [commit["commit"]["committer"]["date"] for commit in commits]
    assert dates == sorted(dates, reverse=True)


def test_a_304_of_github_is_free_and_ends_with_the_next_push(world: World, time: FakeTime) -> None:
    package = package_of(world, builder.GITHUB)
    github = Asking(world, builder.GITHUB)
    path = f"/repos/{world.get_truth(package).address}/contributors"
    first = github.get(path)
    same = github.get(path, **{"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]
    time.advance(hours=1)
    world.trigger(package, events.PUSH)
    assert github.get(path, **{"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_github_serves_the_truth_over_graphql(world: World, time: FakeTime) -> None:
    package, gone, moved = [
        found.package_id for found in world.repositories.values() if found.host == builder.GITHUB
    ][:3]
    addresses = [world.get_truth(number).address for number in (package, gone, moved)]
    world.trigger(gone, events.DELETE)
    world.trigger(moved, events.RENAME)
    answer = Asking(world, builder.GITHUB).graphql(REPOSITORIES % aliases(addresses))
    truth, found = world.get_truth(package), answer["data"]["r0"]
    assert found["stargazerCount"] == truth.stars
    assert found["defaultBranchRef"]["target"]["oid"] == truth.head
    assert found["defaultBranchRef"]["target"]["history"]["totalCount"] == truth.commits
    assert answer["data"]["r1"] is None
    assert [(error["type"], error["path"]) for error in answer["errors"]] == [("NOT_FOUND", ["r1"])]
    assert answer["data"]["r2"]["nameWithOwner"] == f"{addresses[2]}-2"
    assert answer["data"]["rateLimit"]["cost"] == 1


def test_graphql_takes_variables_and_counts_the_last_year(world: World) -> None:
    package = package_of(world, builder.GITHUB, least=3)
    truth = world.get_truth(package)
    owner, name = truth.address.split("/")
    query = """query($owner: String!, $name: String!, $since: GitTimestamp) {
      repository(owner: $owner, name: $name) { defaultBranchRef { target { ... on Commit {
        history(since: $since, first: 2) { totalCount nodes { committedDate }
          pageInfo { hasNextPage endCursor } } } } } } }"""
    repository = truth.repository
    since = format_timestamp(repository.recent[0])
    github = Asking(world, builder.GITHUB)
    answer = github.graphql(query, owner=owner, name=name, since=since)
    history = answer["data"]["repository"]["defaultBranchRef"]["target"]["history"]
    assert history["totalCount"] == len(repository.recent)
    assert history["nodes"][0]["committedDate"] == format_timestamp(repository.recent[-1])
    assert history["pageInfo"]["hasNextPage"] is (len(repository.recent) > 2)


def test_a_query_with_a_mistake_is_an_error(world: World) -> None:
    github = Asking(world, builder.GITHUB)
    for query in ("query { nothing }", "{ repository(owner: 1", "mutation { a }", "{ é }"):
        answer = github.graphql(query)
        assert "data" not in answer
        assert answer["errors"][0]["message"]


def test_what_happens_to_a_repository_is_told_as_github_does(world: World) -> None:
    github = Asking(world, builder.GITHUB)
    moved, gone, blocked, archived = [
        found.package_id
        for found in world.repositories.values()
        if found.host == builder.GITHUB and not found.archived
    ][:4]
    paths = {
        number: f"/repos/{world.get_truth(number).address}" for number in (moved, gone, blocked)
    }
    world.trigger(moved, events.RENAME)
    world.trigger(gone, events.DELETE)
    world.trigger(blocked, events.BLOCK)
    world.trigger(archived, events.ARCHIVE)
    redirect = github.get(paths[moved])
    assert redirect.status_code == 301
    target = redirect.headers["Location"].removeprefix("https://api.github.com")
    assert github.get(target).json()["full_name"] == world.get_truth(moved).address
    assert github.get(paths[gone]).status_code == 404
    assert github.get(paths[blocked] + "/contributors").status_code == 451
    assert github.get(f"/repos/{world.get_truth(archived).address}").json()["archived"] is True


def test_an_empty_repository_is_told_as_github_does(world: World) -> None:
    package = package_of(world, builder.GITHUB)
    repository = world.repositories[package]
    repository.older = repository.authors = 0
    repository.drop_commits(len(repository.recent))
    path, github = f"/repos/{repository.path}", Asking(world, builder.GITHUB)
    assert github.get(path + "/commits").status_code == 409
    assert github.get(path + "/contributors").status_code == 204
    assert github.get(path + "/stats/participation").json() == {"all": [], "owner": []}
    answer = github.graphql(REPOSITORIES % aliases([repository.path]))
    assert answer["data"]["r0"]["defaultBranchRef"] is None
    truth = world.get_truth(package)
    assert (truth.commits, truth.head, truth.last_commit) == (0, None, None)


def test_a_force_push_leaves_no_commit_of_the_other_line(world: World) -> None:
    package = package_of(world, builder.GITHUB, least=9)
    repository = world.repositories[package]
    before = {repository.get_commit(number).oid for number in range(repository.total)}
    total = repository.total
    world.trigger(package, events.FORCE)
    after = {repository.get_commit(number).oid for number in range(repository.total)}
    assert len(before & after) < total
    assert world.get_truth(package).head not in before

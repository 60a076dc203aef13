"""Which host has a repository, at which address; and which hosts there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.refresh.hosts.registry import build_hosts, locate, select_settings
from chalicelib.refresh.hosts.repo_urls import is_address, web_url
from chalicelib.settings import SelfHosted, Upstreams, from_environment

NOBODY = Upstreams()
OWN = Upstreams(
    self_hosted=(
        SelfHosted("git.example.org", "forgejo"),
        SelfHosted("git.example.org:3000", "forgejo", "http://10.0.0.5:3000/api/v1"),
        SelfHosted("gitlab.example.org", "gitlab", "https://10.0.0.6/api/v4"),
    )
)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/django/django", "django/django"),
        ("http://github.com/django/django", "django/django"),
        ("https://www.github.com/django/django", "django/django"),
        ("https://GitHub.com/Django/Django", "Django/Django"),
        ("HTTPS://github.com./django/django", "django/django"),
        ("  https://github.com/django/django\n", "django/django"),
        ("https://github.com//django//django//", "django/django"),
        ("https://github.com/django/django.git", "django/django"),
        ("https://github.com/django/django.git/", "django/django"),
        ("https://github.com/django/django/tree/main/docs", "django/django"),
        ("https://github.com/django/django.git/tree/main", "django/django"),
        ("https://github.com/django/django?tab=readme#top", "django/django"),
        ("https://me:secret@github.com/django/django", "django/django"),
        ("https://github.com:443/django/django", "django/django"),
        ("git://github.com/django/django.git", "django/django"),
        ("git+https://github.com/django/django.git", "django/django"),
        ("ssh://git@github.com/django/django.git", "django/django"),
        ("git@github.com:django/django.git", "django/django"),
        ("https://github.com/a-b_c.d/e.f-g_h", "a-b_c.d/e.f-g_h"),
    ],
)
def test_the_ways_to_write_a_repository_of_github(url: str, address: str) -> None:
    assert locate(url, NOBODY) == ("github", address)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://gitlab.com/owner/name", "owner/name"),
        ("https://gitlab.com/group/sub/deeper/name.git", "group/sub/deeper/name"),
        ("https://gitlab.com/group/sub/name/-/tree/main/docs", "group/sub/name"),
        ("https://gitlab.com/group/sub/name/-/", "group/sub/name"),
        ("https://gitlab.com/group/sub/name/tree/main", "group/sub/name"),
        ("https://gitlab.com/owner/tree", "owner/tree"),
        ("git@gitlab.com:group/sub/name.git", "group/sub/name"),
    ],
)
def test_at_gitlab_the_groups_belong_to_the_address(url: str, address: str) -> None:
    assert locate(url, NOBODY) == ("gitlab", address)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://bitbucket.org/team/thing/src/master/", ("bitbucket", "team/thing")),
        ("https://codeberg.org/owner/name/src/branch/main", ("codeberg", "owner/name")),
        ("https://git.example.org/owner/name", ("git.example.org", "owner/name")),
        ("ssh://git@git.example.org:2222/owner/name.git", ("git.example.org", "owner/name")),
        ("https://git.example.org:3000/owner/name", ("git.example.org:3000", "owner/name")),
        ("https://gitlab.example.org/a/b/c/-/issues", ("gitlab.example.org", "a/b/c")),
    ],
)
def test_the_other_hosts(url: str, place: tuple[str, str]) -> None:
    assert locate(url, OWN) == place


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "   ",
        "https://github.com",
        "https://github.com/django",
        "https://github.com/django/.git",
        "https://github.com/../django",
        "https://github.com/django/..",
        "https://github.com/django/%2e%2e",
        "https://github.com/dj ango/django",
        "https://github.com/djängo/django",
        "https://gist.github.com/owner/name",
        "https://raw.github.com/owner/name",
        "https://notgithub.com/owner/name",
        "https://github.com.example.org/owner/name",
        "https://github.com@example.org/owner/name",
        "https://github.com:8443/owner/name",
        "https://github.com:port/owner/name",
        "https://[::1/owner/name",
        "https://gitlab.com/group/../name",
        "https://gitlab.com/-/group/name",
        "https://gitlab.com/group/-/name",
        "https://elsewhere.example.org/owner/name",
        "https://git.example.org:3001/owner/name",
        "https://www.git.example.org/owner/name",
        "ftp://github.com/owner/name",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "github.com/owner/name",
        "https://gitlab.com/" + "a/" * 30 + "b",
        "https://github.com/" + "a" * 300 + "/b",
        "https://github.com/a/b" + "?" + "x" * 3_000,
    ],
)
def test_what_no_host_is_asked_for(url: str | None) -> None:
    assert locate(url, OWN) is None


def test_a_self_hosted_host_is_asked_only_when_it_was_allowed() -> None:
    assert locate("https://git.example.org/owner/name", NOBODY) is None


PIECES = st.sampled_from(
    [
        "https://",
        "git@",
        "github.com",
        "gitlab.com",
        ":",
        "/",
        "..",
        "-",
        "a",
        "%2F",
        "@",
        "#",
        "\0",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_is_an_address_of_plain_names_or_nothing(url: str) -> None:
    place = locate(url, OWN)
    if place is not None:
        assert is_address(place[1], is_nested=place[0] == "gitlab")


@given(st.from_regex(r"[A-Za-z0-9_]{1,9}(/[A-Za-z0-9_]{1,9}){1,3}", fullmatch=True))
def test_where_a_repository_moved_to_is_found_at_its_new_url(address: str) -> None:
    url = web_url("https://gitlab.com/old/name", address)
    place = locate(url, NOBODY)
    assert place is not None
    assert place[0] == "gitlab"
    assert address.startswith(place[1])


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("https://github.com/old/name.git", "https://github.com/new/name"),
        ("http://www.github.com/old/name/tree/main", "http://www.github.com/new/name"),
        ("https://me:secret@github.com/old/name", "https://github.com/new/name"),
        ("https://git.example.org:3000/old/name", "https://git.example.org:3000/new/name"),
        ("git@github.com:old/name.git", "https://github.com/new/name"),
        ("ssh://git@github.com:22/old/name.git", "https://github.com/new/name"),
        (None, ""),
        ("nonsense", ""),
    ],
)
def test_a_moved_repository_keeps_the_scheme_and_host_of_its_url(
    stored: str | None, expected: str
) -> None:
    assert web_url(stored, "new/name") == expected


def test_the_public_hosts_by_name() -> None:
    found = build_hosts(NOBODY, {})
    assert sorted(found) == ["bitbucket", "codeberg", "github", "gitlab", "index"]
    assert {name: found[name].base_url for name in sorted(found) if name != "index"} == {
        "bitbucket": "https://api.bitbucket.org",
        "codeberg": "https://codeberg.org",
        "github": "https://api.github.com",
        "gitlab": "https://gitlab.com",
    }
    assert not any(host.may_be_private for host in found.values())
    assert all(host.name == name for name, host in found.items())


def test_addresses_of_the_operator_may_lead_into_a_private_network() -> None:
    upstreams = Upstreams(
        {
            "github": "http://10.0.0.1",
            "gitlab": "http://10.0.0.2/api/v4",
            "bitbucket": "http://10.0.0.3/2.0/",
            "codeberg": "http://10.0.0.4/api/v1",
        },
        package_index_url="http://10.0.0.5",
    )
    found = build_hosts(upstreams, {})
    assert all(host.may_be_private for host in found.values())
    assert {name: host.base_url for name, host in sorted(found.items())} == {
        "bitbucket": "http://10.0.0.3",
        "codeberg": "http://10.0.0.4",
        "github": "http://10.0.0.1",
        "gitlab": "http://10.0.0.2",
        "index": "http://10.0.0.5",
    }
    assert found["gitlab"].public_url == "https://gitlab.com"
    assert found["codeberg"].public_url == "https://codeberg.org"


def test_self_hosted_hosts_are_known_by_host_and_port() -> None:
    found = build_hosts(OWN, {"gitlab.example.org": "secret"})
    own = {name: found[name] for name in ("git.example.org", "git.example.org:3000")}
    assert [host.base_url for host in own.values()] == [
        "https://git.example.org",
        "http://10.0.0.5:3000",
    ]
    assert [host.public_url for host in own.values()] == [
        "https://git.example.org",
        "https://git.example.org:3000",
    ]
    # Only an address that the operator gave may be private: a name may resolve to anything.
    assert [host.may_be_private for host in own.values()] == [False, True]
    gitlab = found["gitlab.example.org"]
    assert gitlab.base_url == "https://10.0.0.6"
    assert gitlab.headers()["Authorization"] == "Bearer secret"


def test_tokens_are_sent_to_their_own_host_only() -> None:
    found = build_hosts(OWN, {"gitlab": "one", "bitbucket": "two"})
    sent = {name: host.headers().get("Authorization") for name, host in found.items()}
    assert {name: value for name, value in sent.items() if value} == {
        "gitlab": "Bearer one",
        "bitbucket": "Bearer two",
    }


def test_only_tokens_that_a_public_host_takes_are_settings_of_ours() -> None:
    environment = {"SELF_HOSTED": "git=gitlab"}
    for name in ("GITHUB", "CODEBERG", "INDEX", "GIT", "NPM"):
        environment |= {f"{name}_TOKEN": f"of {name}", f"{name}_TOKEN_PARAMETER": f"/{name}"}
    selected = select_settings(from_environment(environment).upstreams)
    assert selected.tokens == {"github": "of GITHUB"}
    assert selected.token_parameters == {"github": "/GITHUB"}


def test_with_a_token_more_may_be_asked() -> None:
    without, with_one = (
        build_hosts(NOBODY, {}),
        build_hosts(NOBODY, {"gitlab": "a", "bitbucket": "b"}),
    )
    assert without["gitlab"].policy.meters["all"].limit == 500
    assert with_one["gitlab"].policy.meters["all"].limit == 2_000
    assert without["bitbucket"].policy.meters["hour"].limit == 60
    assert with_one["bitbucket"].policy.meters["hour"].limit == 1_000

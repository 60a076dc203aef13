"""Where tokens come from: the environment, else Parameter Store; and what is said without."""

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.cli.__main__ import main
from chalicelib.refresh.tokens import TokenUnavailable, get_tokens
from chalicelib.settings import Upstreams, from_environment
from chalicelib.storage import aws
from tests.support.bucket import client_error

SECRET = "ghp_parameter-secret-0123456789"


@dataclass(slots=True)
class Store:
    """A parameter of the test's own in Parameter Store (of the embedded engine)."""

    client: Any
    name: str

    def put(self, value: str) -> None:
        self.client.put_parameter(Name=self.name, Value=value, Type="SecureString", Overwrite=True)

    def delete(self) -> None:
        self.client.delete_parameter(Name=self.name)

    @property
    def upstreams(self) -> Upstreams:
        """Settings that name the parameter as GitHub's token."""
        return from_environment({"GITHUB_TOKEN_PARAMETER": self.name}).upstreams


@pytest.fixture
def store(engine: object) -> Iterator[Store]:
    found = Store(boto3.session.Session().client("ssm"), f"/test/{uuid.uuid4().hex}")
    yield found
    found.client.delete_parameters(Names=[found.name])


def test_a_token_is_read_decrypted_from_its_parameter(store: Store) -> None:
    store.put(f" {SECRET}\n")
    kept = store.client.get_parameter(Name=store.name)["Parameter"]
    assert kept["Type"] == "SecureString"
    assert get_tokens(store.upstreams) == {"github": SECRET}


def test_the_environment_goes_first_and_asks_nobody(store: Store) -> None:
    # The parameter does not exist: asking for it would be told.
    upstreams = from_environment(
        {"GITHUB_TOKEN": "from-the-environment", "GITHUB_TOKEN_PARAMETER": store.name}
    ).upstreams
    assert get_tokens(upstreams) == {"github": "from-the-environment"}
    store.put(SECRET)
    assert get_tokens(upstreams) == {"github": "from-the-environment"}


def test_each_host_has_its_own(store: Store) -> None:
    store.put(SECRET)
    upstreams = from_environment(
        {"GITLAB_TOKEN": "of-gitlab", "BITBUCKET_TOKEN_PARAMETER": store.name}
    ).upstreams
    assert get_tokens(upstreams) == {"gitlab": "of-gitlab", "bitbucket": SECRET}


def test_a_parameter_is_read_once_in_five_minutes(store: Store) -> None:
    store.put("first-token")
    assert get_tokens(store.upstreams, lambda: 1000.0) == {"github": "first-token"}
    store.put("second-token")
    assert get_tokens(store.upstreams, lambda: 1299.0) == {"github": "first-token"}
    assert get_tokens(store.upstreams, lambda: 1300.0) == {"github": "second-token"}


def test_a_parameter_that_does_not_exist_is_told_and_done_without(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    assert get_tokens(store.upstreams) == {}
    (record,) = [one for one in caplog.records if one.name.startswith("chalicelib")]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"no parameter {store.name}: requests to github have no token"
    # Nor is one that was deleted used on and on.
    store.put(SECRET)
    assert get_tokens(store.upstreams, lambda: 0.0) == {"github": SECRET}
    store.delete()
    assert get_tokens(store.upstreams, lambda: 301.0) == {}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EndpointConnectionError(endpoint_url="nowhere"), "EndpointConnectionError"),
        (client_error("AccessDeniedException", 400), "AccessDeniedException"),
        (client_error("ThrottlingException", 400), "ThrottlingException"),
    ],
)
def test_a_store_that_does_not_answer_is_an_error_unless_the_token_is_known(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    store.put(SECRET)
    assert get_tokens(store.upstreams, lambda: 0.0) == {"github": SECRET}

    def failing(operation: str, arguments: object) -> None:
        raise error

    monkeypatch.setattr(aws.client("ssm"), "_make_api_call", failing)
    assert get_tokens(store.upstreams, lambda: 301.0) == {"github": SECRET}
    other = Upstreams(token_parameters={"github": "/test/other"})
    # Without its token a host would be asked for another budget, so nothing is asked.
    with pytest.raises(TokenUnavailable, match=f"^parameter /test/other: {said}$"):
        get_tokens(other)


@pytest.mark.parametrize("bad", ["two words of it", "line\nof-it", "\u2026-of-it", "of-it\x00"])
def test_what_cannot_be_sent_is_refused_without_quoting_it(
    store: Store, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TokenUnavailable) as caught:
        get_tokens(Upstreams(tokens={"gitlab": bad}))
    assert (
        str(caught.value) == "the token of gitlab contains characters that a token cannot contain"
    )
    assert "of-it" not in repr(caught.value)
    if "\0" not in bad:
        store.put(bad)
        with pytest.raises(TokenUnavailable) as caught:
            get_tokens(store.upstreams)
        assert "of-it" not in repr(caught.value)
        assert store.name in str(caught.value)


def test_a_command_goes_on_without_and_says_so(
    store: Store, tables: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN_PARAMETER", store.name)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    assert main(["refresh"]) == 0
    assert capsys.readouterr().out == "nothing is due\n"
    monkeypatch.setenv("GITHUB_TOKEN", "two words")
    assert main(["refresh"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        said.err
        == "packgrid: the token of github contains characters that a token cannot contain\n"
    )


def test_nothing_of_a_token_is_in_any_log(
    store: Store, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put(SECRET)
    with caplog.at_level(logging.DEBUG):
        upstreams = store.upstreams
        found = get_tokens(upstreams, lambda: 2000.0)
        # The log itself goes on, of this thread too.
        logging.getLogger("botocore.parsers").debug("another answer")
    assert found == {"github": SECRET}
    assert any(record.name.startswith("botocore") for record in caplog.records)
    assert "another answer" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in "".join(repr(record.__dict__) for record in caplog.records)
    assert SECRET not in repr(Upstreams(tokens=found))
    assert SECRET not in repr(from_environment({"GITHUB_TOKEN": SECRET}))
    assert SECRET not in "".join(capsys.readouterr())

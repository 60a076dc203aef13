"""A stack needs a region before anything is asked of AWS."""

import pytest

from deploy.stack import DeployError, Stack


def test_without_a_region_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    with pytest.raises(DeployError, match="no region"):
        Stack("dev")

"""The default name of the bucket."""

import pytest

from chalicelib.settings import from_environment


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "packgrid"),
        ({"PACKGRID_TABLE_PREFIX": "packgrid-dev-"}, "packgrid-dev"),
        ({"PACKGRID_TABLE_PREFIX": ""}, "packgrid"),
        ({"PACKGRID_TABLE_PREFIX": "a-", "PACKGRID_BUCKET": "other"}, "other"),
    ],
)
def test_what_has_tables_of_its_own_has_a_bucket_of_its_own(
    values: dict[str, str], name: str
) -> None:
    assert from_environment(values).bucket == name

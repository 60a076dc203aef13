"""The default limit of response sizes."""

import pytest

from chalicelib.settings import from_environment


@pytest.mark.parametrize(
    ("variables", "most"),
    [
        ({}, None),
        ({"PACKGRID_MAX_RESPONSE_BYTES": ""}, None),
        ({"PACKGRID_MAX_RESPONSE_BYTES": "1000"}, 1000),
        ({"AWS_LAMBDA_FUNCTION_NAME": "api"}, 6_200_000),
        ({"AWS_LAMBDA_FUNCTION_NAME": "api", "PACKGRID_MAX_RESPONSE_BYTES": "1000"}, 1000),
    ],
)
def test_answers_are_bounded_on_lambda_and_where_a_setting_says_so(
    variables: dict[str, str], most: int | None
) -> None:
    assert from_environment(variables).max_response_bytes == most

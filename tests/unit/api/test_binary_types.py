"""The content types that the app declares as binary to API Gateway."""

import app


def test_the_gateway_is_told_that_any_answer_may_be_in_base64() -> None:
    assert app.app.api.binary_types == ["*/*"]

"""Who asks GitHub: a token, or an address without one; each has limits of its own."""

from tools.fakehosts.windows import Fixed, Rolling


class Account:
    """The limits of one token, or of an address without one."""

    def __init__(self, is_authorised: bool) -> None:
        self.core = Fixed(5000 if is_authorised else 60, 3600)
        self.graphql = Fixed(5000 if is_authorised else 0, 3600)
        self.rest_minute = Rolling(900, 60)
        self.graphql_minute = Rolling(2000, 60)

"""GitHub: GraphQL for what is asked of all, REST for the rest, and REST alone without a token."""

from chalicelib.refresh.hosts.github.host import GitHub

__all__ = ["GitHub"]

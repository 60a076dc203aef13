"""Attribute types and settings that the models of the tables share."""

import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import BINARY, STRING


class DateTimeAttribute(Attribute[datetime]):
    """A date and time with its offset: ISO 8601 text, with microseconds when there are any."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Return ISO 8601 text."""
        return value.isoformat()

    def deserialize(self, value: str) -> datetime:
        """Parse ISO 8601 text."""
        return datetime.fromisoformat(value)


class CompressedJSONAttribute(Attribute[Any]):
    """Deflated JSON. Earlier versions stored the JSON as text; that can still be read."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        """Return deflated JSON."""
        return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), level=9)

    def get_value(self, value: dict[str, Any]) -> Any:
        """Return the stored bytes, or the text of an item from an earlier version."""
        return value[STRING] if STRING in value else super().get_value(value)

    def deserialize(self, value: bytes | str) -> Any:
        """Parse deflated JSON, or JSON as text."""
        return json.loads(value if isinstance(value, str) else zlib.decompress(value))


class ProvenanceAttribute(CompressedJSONAttribute):
    """``{figure: [source, fetched at, token]}``, grouped by origin.

    The stored form is ``[[source, fetched at, token, figure, ...], ...]``.
    """

    def serialize(self, value: Mapping[str, list[str]]) -> bytes:
        """Return deflated lists."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for figure, origin in value.items():
            groups.setdefault(tuple(origin), []).append(figure)
        return super().serialize([[*origin, *figures] for origin, figures in groups.items()])

    def deserialize(self, value: bytes | str) -> dict[str, list[str]]:
        """Parse deflated lists, or the mapping itself, which earlier versions stored as text."""
        content = super().deserialize(value)
        if isinstance(content, dict):
            return content
        return {figure: group[:3] for group in content for figure in group[3:]}


class TableMeta:
    """PynamoDB settings that all tables share."""

    billing_mode = "PAY_PER_REQUEST"
    table_name = ""

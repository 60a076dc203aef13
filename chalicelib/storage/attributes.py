"""What the models of the tables have in common."""

import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import BINARY, STRING


class InstantAttribute(Attribute[datetime]):
    """An instant with its offset, as ISO 8601 text with microseconds when there are any."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """As ISO 8601 text."""
        return value.isoformat()

    def deserialize(self, value: str) -> datetime:
        """From ISO 8601 text."""
        return datetime.fromisoformat(value)


class PackedAttribute(Attribute[Any]):
    """JSON, deflated. Where the same was stored as text before, that is read as well."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        """As deflated JSON."""
        return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), level=9)

    def get_value(self, value: dict[str, Any]) -> Any:
        """The bytes, or the text of a row that was written before this was deflated."""
        return value[STRING] if STRING in value else super().get_value(value)

    def deserialize(self, value: bytes | str) -> Any:
        """From deflated JSON, or JSON as text."""
        return json.loads(value if isinstance(value, str) else zlib.decompress(value))


class ProvenanceAttribute(PackedAttribute):
    """``{figure: [source, fetched at, token]}``, stored by what figures have in common.

    That is ``[[source, fetched at, token, figure, ...], ...]``.
    """

    def serialize(self, value: Mapping[str, list[str]]) -> bytes:
        """As deflated lists."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for figure, origin in value.items():
            groups.setdefault(tuple(origin), []).append(figure)
        return super().serialize([[*origin, *figures] for origin, figures in groups.items()])

    def deserialize(self, value: bytes | str) -> dict[str, list[str]]:
        """From deflated lists, or from text, which has the triples themselves."""
        content = super().deserialize(value)
        if isinstance(content, dict):
            return content
        return {figure: group[:3] for group in content for figure in group[3:]}


class TableMeta:
    """What all tables share."""

    billing_mode = "PAY_PER_REQUEST"
    table_name = ""

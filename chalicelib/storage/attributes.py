"""What the models of the tables have in common."""

from datetime import datetime

from pynamodb.attributes import Attribute
from pynamodb.constants import STRING


class InstantAttribute(Attribute[datetime]):
    """An instant with its offset, as ISO 8601 text with microseconds when there are any."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """As ISO 8601 text."""
        return value.isoformat()

    def deserialize(self, value: str) -> datetime:
        """From ISO 8601 text."""
        return datetime.fromisoformat(value)


class TableMeta:
    """What all tables share."""

    billing_mode = "PAY_PER_REQUEST"
    table_name = ""

"""Types of members of hosts' JSON, and decoding an answer into a struct of them.

A host declares the members that it reads as a ``msgspec.Struct``. What is decoded may be stored:
numbers fit, texts have neither NUL nor lone surrogates and are cut, instants are in the calendar.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar

import msgspec

from chalicelib.catalog.json_body import is_renderable
from chalicelib.refresh.json_fields import BadValue

Answer = TypeVar("Answer")
#: A number of things.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Text(str):
    """A text, cut to ``max_length``; null is ""."""

    max_length: ClassVar[int] = 20_000

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Return the text that a value is; raises ValueError or TypeError."""
        if value is None:
            return cls()
        if not isinstance(value, str):
            raise TypeError("Expected a text")
        # A lone surrogate can stand in JSON, but not in UTF-8.
        plain = value.encode(errors="replace").decode().replace("\x00", "")
        return cls(plain[: cls.max_length])


class Name(Text):
    """A text of one line, such as a person's name."""

    max_length = 200


class RequiredText(Text):
    """A text that is not empty."""

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Return the text that a value is; raises ValueError or TypeError."""
        text = super().decode(value)
        if not text:
            raise ValueError("Expected a text that is not empty")
        return text


class Instant(datetime):
    """An ISO 8601 instant in UTC; without an offset it is taken for UTC."""

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Return the instant that a text is; raises ValueError or TypeError."""
        if not isinstance(value, str):
            raise TypeError("Expected an instant")
        try:
            instant = cls.fromisoformat(value)
        except ValueError:
            # Python's message repeats the whole text, and reasons are stored and logged.
            raise ValueError("Expected an instant") from None
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
        if not is_renderable(instant):
            raise ValueError("Outside the calendar")
        return instant.astimezone(UTC)


def decode(json: Any, answer: type[Answer]) -> Answer:
    """Return parsed JSON as a struct or a list of structs; raises BadValue, which names the member.

    Members that are not declared are left out of account.
    """
    try:
        return msgspec.convert(json, answer, dec_hook=_decode_type)
    except (msgspec.ValidationError, UnicodeError) as error:
        # The second is of a lone surrogate in the name of a member, or where no text is expected.
        raise BadValue(str(error)) from None


def _decode_type(kind: type[Any], value: Any) -> Any:
    if issubclass(kind, Text | Instant):
        return kind.decode(value)
    raise NotImplementedError(kind)

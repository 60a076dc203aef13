"""Validation of entities: the conditions for storing and serving one, whoever writes it."""

import dataclasses
from datetime import datetime
from typing import Any

from chalicelib.catalog.entities import Entity
from chalicelib.catalog.json_body import is_renderable
from chalicelib.storage.errors import WriteRefused
from chalicelib.storage.reads import MAX_ID, MAX_NAME_BYTES


class InvalidEntity(WriteRefused):
    """The entity cannot be stored; the text tells a person why."""


def validate(entity: Entity) -> None:
    """Raise InvalidEntity for an entity that would be stored wrongly, or could never be read."""
    if not 1 <= entity.id <= MAX_ID:
        raise InvalidEntity(f"id: {entity.id} is not an id")
    if not entity.slug.strip():
        raise InvalidEntity("slug: blank")
    for name in ("slug", "repo_url"):
        if len((getattr(entity, name, "") or "").encode(errors="replace")) > MAX_NAME_BYTES:
            raise InvalidEntity(f"{name}: longer than {MAX_NAME_BYTES} bytes")
    for field in dataclasses.fields(entity):
        fault = _find_fault(getattr(entity, field.name))
        if fault:
            raise InvalidEntity(f"{field.name}: {fault}")


def _find_fault(value: Any) -> str | None:
    """Return the reason why a value cannot be stored, or ``None`` if it can."""
    match value:
        case None | bool():
            return None
        case int():
            return None if -MAX_ID - 1 <= value <= MAX_ID else "a number of more than 64 bits"
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                return "text with a lone surrogate"
            return None
        case datetime():
            if value.tzinfo is None:
                return "a date without a time zone"
            return None if is_renderable(value) else "a date outside the calendar"
        case tuple():
            return next((fault for element in value if (fault := _find_fault(element))), None)
    return f"not a value that can be stored: {type(value).__name__}"

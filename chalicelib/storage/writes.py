"""Writes of a single item."""

from collections.abc import Callable
from typing import ParamSpec

from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from chalicelib.storage.aws import error_code
from chalicelib.storage.errors import VersionConflict
from chalicelib.storage.models import ServedItem
from chalicelib.storage.transaction import check_size

_P = ParamSpec("_P")


def put_item(item: Model) -> None:
    """Put an item, whether or not there is one with its key."""
    item.save()


def delete_item(item: Model) -> None:
    """Delete an item if it exists."""
    item.delete()


def try_write(write: Callable[_P, object], *args: _P.args, **kwargs: _P.kwargs) -> bool:
    """Call ``write``; return whether its condition held. Raises its other errors."""
    try:
        write(*args, **kwargs)
    except PynamoDBException as error:
        # PynamoDB's own cause_response_code fails on a timeout, whose response is None.
        if error_code(error.cause) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def update_attributes(item: ServedItem, names: list[str], version: int) -> None:
    """Write these attributes of an item that still has ``version``; raises VersionConflict.

    One UpdateItem costs half of what a transaction does, for changes that concern no other item.
    """
    check_size(item)
    model, actions = type(item), []
    for name in names:
        attribute, value = getattr(model, name), getattr(item, name)
        actions.append(attribute.remove() if value is None else attribute.set(value))
    if not try_write(model(item.id).update, actions=actions, condition=model.version == version):
        raise VersionConflict(model.__name__, int(item.id))

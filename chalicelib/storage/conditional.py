"""A change of one item alone."""

from pynamodb.exceptions import UpdateError

from chalicelib.storage.models import ServedItem
from chalicelib.storage.transaction import VersionConflict, checked_size


def update_attributes(item: ServedItem, names: list[str], version: int) -> None:
    """Write these attributes of an item that still has ``version``; raises VersionConflict.

    One UpdateItem: half of what a transaction costs, for changes that concern no other item.
    """
    checked_size(item)
    actions = []
    for name in names:
        attribute, value = getattr(type(item), name), getattr(item, name)
        actions.append(attribute.remove() if value is None else attribute.set(value))
    try:
        type(item)(item.id).update(actions=actions, condition=type(item).version == version)
    except UpdateError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        raise VersionConflict(type(item).__name__, int(item.id)) from None

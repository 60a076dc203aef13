"""Items whose names others have: which of them wait for each other, and what to say of the rest."""

from collections.abc import Iterator, Sequence

from chalicelib.catalog.repository import E
from chalicelib.importer.batch_writer import Wanted
from chalicelib.storage.models import NameItem
from chalicelib.storage.reads import get_item


def chains(waiting: Sequence[Wanted[E]], names: dict[int, str]) -> Iterator[list[Wanted[E]]]:
    """Groups in which each item waits for a name of the next: a swap must be one transaction.

    ``names`` maps the id of an item to the name that it waits for.
    """
    left = {item.id: item for item in waiting}
    owners = {identifier: _owner(names[identifier]) for identifier in left}
    while left:
        item = left.pop(next(iter(left)))
        chain = [item]
        while (owner := owners[item.id]) in left:
            item = left.pop(owner)
            chain.append(item)
        yield chain


def reason(name: str) -> str:
    """Why an item is refused that never got ``name``: whose it is."""
    collection, what, value = name.split("/", 2)
    owner = _owner(name)
    whose = f"that of {collection} {owner}" if owner else "wanted by others too"
    return f"duplicate {what} {value!r}: {whose}"


def _owner(name: str) -> int:
    """The id that a name belongs to; 0, which is no id, if it belongs to none."""
    item = get_item(NameItem, name)
    return 0 if item is None else int(item.owner)

"""The writes that a creation, change or deletion of an entity takes, besides the item itself.

A change of an entity also changes its unique names, its listing in the directory and the count
of its category.
"""

import secrets

from chalicelib.catalog import validation
from chalicelib.catalog.entities import Entity, Package
from chalicelib.catalog.repository import COLLECTIONS, E, Versioned, to_item
from chalicelib.storage.models import CategoryItem
from chalicelib.storage.transaction import Transaction

#: An item's first version is random: one that was deleted and created again must never look like
#: the one that another writer has read and is about to change.
_VERSION_BITS = 40


def unique_names(entity: Entity) -> set[str]:
    """Return the names that no other item may have: the slug, and a package's repository URL."""
    collection = COLLECTIONS[type(entity)]
    names = {f"{collection}/slug/{entity.slug}"}
    if isinstance(entity, Package) and entity.repo_url:
        names.add(f"{collection}/repo_url/{entity.repo_url}")
    return names


def add_writes(
    transaction: Transaction,
    before: Versioned[E] | None,
    after: E | None,
    fingerprint: str | None = None,
) -> None:
    """Add every write of one entity's creation, change or deletion to ``transaction``.

    ``before`` is the entity as read (``None``: it must not exist), ``after`` the entity to store
    (``None``: delete it). No other code knows which writes belong together. Raises Invalid.
    """
    if after is not None:
        validation.validate(after)
    subject = after if after is not None else before.entity if before is not None else None
    assert subject is not None, "neither before nor after"
    if after is None:
        assert before is not None
        transaction.delete(to_item(before.entity, before.version, before.fingerprint))
    elif before is None:
        transaction.create(to_item(after, secrets.randbits(_VERSION_BITS), fingerprint))
    else:
        item = to_item(after, before.version + 1, fingerprint or before.fingerprint)
        if isinstance(item, CategoryItem):
            # The count belongs to the packages' transactions; keep it as it was read.
            item.packages = before.package_count
        transaction.replace(item, before.version)
    old_names = unique_names(before.entity) if before else set()
    new_names = unique_names(after) if after is not None else set()
    for name in old_names - new_names:
        transaction.free_name(name, subject.id)
    for name in new_names - old_names:
        transaction.reserve_name(name, subject.id)
    collection = COLLECTIONS[type(subject)]
    if before is None:
        transaction.add_to_directory(collection, subject.id)
    if after is None:
        transaction.remove_from_directory(collection, subject.id)
    _add_category_counts(transaction, before.entity if before else None, after)


def _add_category_counts(
    transaction: Transaction, before: Entity | None, after: Entity | None
) -> None:
    old = before.category_id if isinstance(before, Package) else None
    new = after.category_id if isinstance(after, Package) else None
    if old == new:
        return
    if old is not None:
        transaction.count_in_category(old, -1)
    if new is not None:
        transaction.count_in_category(new, +1)

"""Check that the policies allow nothing that no code needs."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from tools.iamcheck.policies import Grant

#: Function -> statement -> the reason for it, although no code of ours uses it.
JUSTIFICATIONS_FILE = Path(__file__).with_name("justified.json")
Justifications = dict[str, dict[str, str]]


def read_justifications() -> Justifications:
    """Return the content of ``justified.json``."""
    reasons: Justifications = json.loads(JUSTIFICATIONS_FILE.read_text())
    return reasons


def iter_faults(
    grants: Iterable[Grant], used: Collection[Grant], reasons: Justifications
) -> Iterable[str]:
    """Yield a line for each grant without use or reason, then for each obsolete reason, in order.

    A statement with a reason must not be used at all.
    """
    grants = sorted(grants)
    for grant in grants:
        if grant.sid in reasons.get(grant.function, {}):
            if grant in used:
                yield f"{grant} is used: its statement needs no reason"
        elif grant not in used:
            yield f"{grant} is used by no test"
    statements = {(grant.function, grant.sid) for grant in grants}
    for function, sids in sorted(reasons.items()):
        for sid in sids:
            if (function, sid) not in statements:
                yield f"{function}: there is a reason for {sid}, and no such statement"

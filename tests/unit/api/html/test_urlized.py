"""Two comparisons of pages let the same faults of the original page pass."""

from django.utils.html import Urlizer

from tests.contract.golden import as_a_link
from tests.contract.oracle.catalogue import LINKED
from tests.contract.oracle.comparison import as_urlized


def test_what_the_original_page_loses_is_what_the_comparisons_let_pass() -> None:
    """One goes by Django's links, that of the recordings word by word."""
    for text in LINKED:
        shown = as_urlized(f"HTTP {text}")
        words = Urlizer.word_split_re.split(f"HTTP {text}")
        assert shown == "".join(map(as_a_link, words)) != f"HTTP {text}"
    for text in ("HTTP (a), b). c;", "HTTP (https://x.example) b", "HTTP https://x.example/(a)."):
        assert as_urlized(text) == text

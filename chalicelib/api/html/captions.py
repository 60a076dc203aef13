"""What the page says of each view to people; what OPTIONS says of it to programs is elsewhere."""

from chalicelib.api import options

_NAMES = {"search": "Search"}
_ABOUT = {
    "api-root": "Reusable packages and their figures, by category and compared in grids.",
    "packages-list": "Reusable packages, those added last first.",
    "grids-list": "A grid compares packages that do the same job, side by side.",
    "categories-list": "Every package is in one category.",
    "search": "The best 20 packages and grids by their titles and descriptions, the best first.",
}
#: The collections, as the root leads to them: the key of its JSON, a name, what is there.
COLLECTIONS = (
    ("packages", "Packages", "Stars, forks, participants, releases and a year of commits of each."),
    ("grids", "Grids", "Packages that do the same job, in a table that can be sorted."),
    ("categories", "Categories", "What kinds of packages there are."),
)


def name_of(view: str) -> str:
    """The name of a view: mostly that of OPTIONS."""
    return _NAMES.get(view) or options.name_of(view)


def about(view: str) -> str:
    """What a view is for, in a sentence; empty where the page shows it anyway."""
    return _ABOUT.get(view, "")

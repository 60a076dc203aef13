"""The tables that commands print, read back."""

Row = dict[str, str]


def tables(text: str) -> list[list[Row]]:
    """Every table of an output: its rows, as cells by the head of their column."""
    found: list[list[Row]] = []
    head: list[str] = []
    for line in text.splitlines():
        if line.startswith("\u2503"):
            head = _cells(line, "\u2503")
            found.append([])
        elif line.startswith("\u2502"):
            found[-1].append(dict(zip(head, _cells(line, "\u2502"), strict=True)))
    return found


def by_first(table: list[Row]) -> dict[str, Row]:
    """The rows of a table by their first cell."""
    return {next(iter(row.values())): row for row in table}


def _cells(line: str, border: str) -> list[str]:
    return [cell.strip() for cell in line.split(border)[1:-1]]

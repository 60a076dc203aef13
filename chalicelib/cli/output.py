"""Text on a terminal, such as messages and other people's names."""

import sys


def plain(text: object) -> str:
    """Return the text with ``?`` for each character that does not print.

    Those are control characters (escapes, line ends), characters that change the direction of
    writing, and lone surrogates: all that ``str.isprintable`` refuses. Text from outside must not
    control the terminal.
    """
    return "".join(character if character.isprintable() else "?" for character in str(text))


def say(text: object) -> None:
    """Print a message to standard error: each line plain, after the name of the program."""
    for line in str(text).splitlines() or ("",):
        print(f"packgrid: {plain(line)}", file=sys.stderr)

"""Foreign text on a terminal."""

import sys


def plain(text: object) -> str:
    """The text with ``?`` for what does not print: a stranger's text must not steer a terminal.

    That are control characters (escapes, line ends), those that turn the direction of writing,
    and lone surrogates: all that ``str.isprintable`` refuses.
    """
    return "".join(one if one.isprintable() else "?" for one in str(text))


def say(text: object) -> None:
    """Print a text to standard error: line by line, plain, each with the name of the program."""
    for line in str(text).splitlines() or ("",):
        print(f"packgrid: {plain(line)}", file=sys.stderr)

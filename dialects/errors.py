"""The one exception a user's mistake raises: a single line, no traceback.

Everything that checks input (importer, shape inference, command line, executable) raises `TenonError`;
the command-line tools print it as `error: ...` and exit with its `status`.
"""


class TenonError(Exception):
    """A mistake in what the user gave. The message is one line: lower case, no final period,
    naming the node, the value and what was expected. `status` is the exit status of the tools:
    1 bad input, 2 bad usage, 3 objective not met."""

    status = 1


class UsageError(TenonError):
    """The call itself is wrong: an unknown target, option or argument."""

    status = 2


class CacheWarning(UserWarning):
    """A compile went on without its cache. The message is one line, as that of an error; the tools print it
    as `warning: ...`."""


def printable(text: str) -> str:
    """`text` from a file, with control characters escaped: a terminal would obey them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

"""Names from a file, of any length and with any character, as messages and locations show them."""

from __future__ import annotations

import re
from hashlib import sha256

from ...dialects.errors import printable

MAX_NAME = 120
"""Characters of a name in messages, locations and the emitted code."""

MAX_LISTED = 8
"""Names in one message."""

MAX_MESSAGE = 2000
"""Characters of a message."""


def shortened(name: str) -> str:
    """`name`, or its beginning and a digest that distinguishes it from others that begin so."""
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 12]}...{sha256(name.encode(errors='replace')).hexdigest()[:8]}"


def listed(names: list[str]) -> str:
    """The first of `names`, quoted, and how many more there are."""
    text = ", ".join(f"'{name}'" for name in names[:MAX_LISTED])
    more = len(names) - MAX_LISTED
    return f"{text} and {more} more" if more > 0 else text


def one_line(message: str) -> str:
    """`message` with control characters escaped, quoted names shortened, and of bounded length."""
    message = re.sub(r"'([^']*)'", lambda quoted: f"'{shortened(quoted[1])}'", message)
    if len(message) > MAX_MESSAGE:
        message = f"{message[: MAX_MESSAGE - 300]} ... {message[-200:]}"
    return printable(message)

"""How a tool ends when something goes wrong: one line on stderr and an exit status."""

from __future__ import annotations

import os
import sys

from ..dialects.errors import TenonError

INTERNAL_ERROR = 70
INTERRUPTED = 130
MAX_LINE = 4000


def failure(error: BaseException) -> tuple[str, int]:
    """The line and the exit status for `error`. What is no user's mistake is an internal error, the last line
    of defence: a fault of ours is still one line."""
    match error:
        case TenonError():
            return f"error: {one_line(error)}", error.status
        case KeyboardInterrupt():
            return "interrupted", INTERRUPTED
        case MemoryError():
            return "error: not enough memory", TenonError.status
        case _:
            return f"internal error: {type(error).__name__}: {one_line(error)[:300]}", INTERNAL_ERROR


def one_line(error: BaseException) -> str:
    """The message of `error` without line breaks, of bounded length."""
    line = " ".join(str(error).split())
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 300]} ... {line[-200:]}"


def silence_stdout() -> None:
    """After a BrokenPipeError: keeps the interpreter from flushing into the closed pipe at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""How a tool ends when something goes wrong: one line on stderr and an exit status."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..dialects.errors import CacheWarning, TenonError, printable

INTERNAL_ERROR = 70
INTERRUPTED = 130
MAX_LINE = 4000


def failure(error: BaseException) -> tuple[str, int]:
    """The line and the exit status for `error`. A file that the system refuses is named; what is no user's
    mistake is an internal error, the last line of defence: a fault of ours is still one line."""
    match error:
        case TenonError():
            return f"error: {one_line(error)}", error.status
        case KeyboardInterrupt():
            return "interrupted", INTERRUPTED
        case MemoryError():
            return "error: not enough memory", TenonError.status
        case OSError(filename=str(path), strerror=str(reason)):
            return f"error: {one_line(Exception(path))}: {reason.lower()}", TenonError.status
        case _:
            return f"internal error: {type(error).__name__}: {one_line(error)[:300]}", INTERNAL_ERROR


@contextmanager
def warnings_in_a_line() -> Iterator[None]:
    """Our own warnings go to stderr as `warning: ...`; other libraries' as they are."""
    show = warnings.showwarning

    def shown(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
        if issubclass(category, CacheWarning) and isinstance(message, Warning):
            print(f"warning: {one_line(message)}", file=sys.stderr)
        else:
            show(message, category, *where, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CacheWarning)
        warnings.showwarning = shown
        yield


def one_line(error: BaseException) -> str:
    """The message of `error` without line breaks, of bounded length."""
    line = printable(" ".join(str(error).split()))
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 300]} ... {line[-200:]}"


def open_closed_streams() -> None:
    """Python has None for a standard stream that its parent closed: what is written there is dropped."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  open as long as the process lives


@contextmanager
def standard_output() -> Iterator[None]:
    """An OSError while writing to stdout becomes one line, and no second one at exit; a closed pipe is the
    reader's wish, and stays a BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        raise TenonError(f"standard output: {(error.strerror or str(error)).lower()}") from error


def silence_stdout() -> None:
    """After a failed write: keeps the interpreter from flushing what is left at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""Tables and progress on the terminal; plain text, and no progress, where it is a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..dialects.errors import printable
from .failures import standard_output


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
    """Print one table; columns after the first `left` are aligned right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(printable(title)), title_justify="left", box=box.SIMPLE_HEAD)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index >= left else "left")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console.width = PIPE_WIDTH  # a file has no width to fit: keep every row on one line
    with standard_output():
        console.print(table)


def print_line(text: str) -> None:
    """A line below a table; nothing for an empty one."""
    if text:
        with standard_output():
            print(printable(text))


PIPE_WIDTH = 160


@contextmanager
def progress(title: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr with the current step; yields the function that names the step."""
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield lambda step: status.update(f"{title}: {step}")

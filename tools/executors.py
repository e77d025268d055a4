"""Where jobs of an experiment run: in processes of this machine, or on the workers of a Dask scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from ..compiler.processes import end_now, process_pool
from ..dialects.errors import TenonError

CONNECTING = 20
"""Seconds that a scheduler has to answer."""


@contextmanager
def executor(processes: int, scheduler: str | None = None) -> Iterator[Executor]:
    """So many fresh processes; with the address of a scheduler, its workers. Those give a job whose worker
    is killed to another one by themselves; they have to see the same folders under the same names."""
    if scheduler is None:
        pool = process_pool(processes)
        try:
            yield pool
        except BaseException:
            end_now(pool)
            raise
        return pool.shutdown()
    try:
        from distributed import Client
    except ModuleNotFoundError:
        text = "--scheduler needs distributed, which an extra installs: pip install 'tenonc[distributed]'"
        raise TenonError(text) from None
    try:
        client = Client(scheduler, timeout=CONNECTING, set_as_default=False)
    except (OSError, ValueError) as error:
        raise TenonError(f"--scheduler '{scheduler}' does not answer: {error}") from None
    with client:
        yield client.get_executor(pure=False)

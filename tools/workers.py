"""Runs a function on many items in worker processes, so that a crash or a hang is one item's failure."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class Died:
    """What stands for the result of an item whose process did not survive it."""

    reason: str


def run_isolated(
    function: Callable[[Any], Any], items: Iterable[tuple[Any, float]], jobs: int
) -> Iterator[tuple[Any, Any]]:
    """Yields (item, `function(item)`) as they finish; `items` come with a limit in seconds each.

    The function, its items and its results must pickle. A process that dies or exceeds the limit gives
    `Died` for its item and is replaced. An exception of the function's own is the caller's mistake."""
    pool = _Pool(function)
    executor = ThreadPoolExecutor(jobs)
    try:
        futures = {executor.submit(pool.run, item, limit): item for item, limit in items}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        pool.kill()  # after an interrupt there are items at work
        executor.shutdown()
        pool.close()


class _Pool:
    """A worker process for each thread that calls `run`, started when first needed."""

    def __init__(self, function: Callable[[Any], Any]):
        self._function, self._local, self._all = function, threading.local(), []

    def run(self, item: Any, limit: float) -> Any:
        worker = getattr(self._local, "worker", None)
        if worker is None:
            worker = self._local.worker = _Worker(self._function)
            self._all.append(worker)
        outcome = worker.run(item, limit)
        if isinstance(outcome, Died):
            worker.stop()
            self._local.worker = None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def kill(self) -> None:
        for worker in self._all:
            worker.kill()

    def close(self) -> None:
        for worker in self._all:
            worker.stop()


class _Worker:
    def __init__(self, function: Callable[[Any], Any]):
        # Not forked: the parent has threads, and its libraries' locks would be copied as they are.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        with _interrupts_blocked():  # the process inherits it: ctrl-C is for the parent, which ends it
            self._process.start()
        theirs.close()

    def run(self, item: Any, limit: float) -> Any:
        try:
            self._pipe.send(item)
            if not self._pipe.poll(limit):
                return Died(f"no result after {limit:.0f} s")
            return self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            return Died(_exit(self._process.exitcode or 0))

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """While SIGINT is blocked in this thread, and in the processes it starts."""
    resource_tracker.ensure_running()  # starting it would unblock SIGINT again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit(code: int) -> str:
    return f"the process died of signal {-code}" if code < 0 else f"the process ended with status {code}"


def _serve(pipe: Connection, function: Callable[[Any], Any]) -> None:
    while True:
        try:
            item = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            result = function(item)
        except Exception as error:
            result = error
        pipe.send(result)

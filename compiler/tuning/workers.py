"""The processes of a search: some that build, one that measures. One that dies costs its task."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import Any

from ...dialects.errors import TenonError
from ..processes import process_pool

DIED = "its process died"


class Workers:
    """Runs functions in processes. `executor` builds if the caller has one, else there are as many processes
    as cores; measuring always has a process of its own, so that nothing else runs in it."""

    def __init__(self, executor: Executor | None = None):
        self._given = executor
        self._builders: ProcessPoolExecutor | None = None
        self._measurer: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Raises `TenonError` where processes do not start."""
        if self.measure(os.getpid) == DIED:
            raise TenonError(
                "the process that measures does not start: "
                'a script that tunes must do so below `if __name__ == "__main__":`'
            )

    def build(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """`function` of each item, side by side; text in the place of a result says what went wrong."""
        futures = [self._submit(function, item) for item in items]
        outcomes = [DIED if future is None else _outcome(future) for future in futures]
        # Every task of a pool dies with one of its processes: which of them was it?
        return [
            self._alone(function, item) if outcome == DIED else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    def measure(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """One call in the process that measures, nothing beside it; text in its place says what went
        wrong."""
        if self._measurer is None:
            self._measurer = process_pool(1)
        outcome = _outcome(self._measurer.submit(function, *arguments))
        if outcome == DIED:
            self._measurer = None
        return outcome

    def close(self) -> None:
        """Ends the processes, but for a caller's own."""
        for pool in (self._builders, self._measurer):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, function: Callable[[Any], Any], item: Any) -> Future | None:
        if self._given is None and self._builders is None:
            self._builders = process_pool(os.cpu_count() or 1)
        executor = self._given or self._builders
        assert executor is not None
        try:
            return executor.submit(function, item)
        except BrokenExecutor:
            return None

    def _alone(self, function: Callable[[Any], Any], item: Any) -> Any:
        if self._given is not None:
            raise TenonError("the executor is broken: a process of it died")
        self._builders = process_pool(1)
        future = self._submit(function, item)
        outcome = DIED if future is None else _outcome(future)
        self._builders.shutdown(wait=False)
        self._builders = None
        return outcome


def _outcome(future: Future) -> Any:
    try:
        return future.result()
    except BrokenExecutor:
        return DIED
    except Exception as error:  # an error of one candidate ends the candidate
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

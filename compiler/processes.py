"""Pools of processes that do not outlive the process that made them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor


def process_pool(count: int) -> ProcessPoolExecutor:
    """`count` processes. Ctrl-C is for their parent alone; they end when it does, however it does."""
    # Not forked: the parent may have threads, whose locks would be copied as they are.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, _depend_on_parent)


def end_now(pool: ProcessPoolExecutor) -> None:
    """Ends the processes of a pool whatever they do, and drops what they have not begun: they let Ctrl-C
    pass, and a pool that is left waits for all that it was given."""
    running = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in running:
        process.terminate()
    for process in running:
        process.join()


def _depend_on_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

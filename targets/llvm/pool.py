"""Pools of threads in this process: `runtime/pool.ll`, compiled once."""

from __future__ import annotations

import ctypes
import os
import weakref
from functools import cache

from ..record import host
from .codegen import CompiledModule, add_symbol, emit_object, loadable
from .runtime import PARALLEL, POOL_NEEDS, pool_text


@cache
def pool_code() -> CompiledModule:
    """The pool's code, for all compiled models of the process: sleeping workers are in it, so it stays. From
    here on, code that calls `tenon.parallel` can be loaded."""
    record = host()
    code = CompiledModule(emit_object(loadable(pool_text(record.triple)), record, tuple(POOL_NEEDS)), record)
    # Never freed, not even while the interpreter shuts down: workers may still look for a next job.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(code))
    add_symbol(PARALLEL, code.address(PARALLEL))
    return code


class Pool:
    """A pool for `threads` threads, the caller among them, but no more than the process has cores: one that
    waits for its turn on a core would only be waited for. They start when code first asks for the pool, and
    once more in a forked process, which has none of its parent's threads; they end with the object."""

    def __init__(self, threads: int):
        self.threads = threads
        self._made: dict[int, int] = {}  # process -> the pool's address
        # When the process ends its threads end too, and another thread may just be in a call.
        weakref.finalize(self, _destroy, self._made).atexit = False

    def address(self) -> int:
        """What compiled code takes as its pool, good as long as this object lives; 0, none, for one thread or
        where the system gives no more."""
        if self.threads == 1:
            return 0
        process = os.getpid()
        made = self._made.get(process)
        if made is None:
            # No lock: it might be forked while it is held. Of two pools made at a time one goes at once.
            threads = min(self.threads, _cores())
            new = _function("tenon.pool_create", ctypes.c_void_p, ctypes.c_int64)(threads) or 0
            made = self._made.setdefault(process, new)
            if made != new:
                _destroy({process: new})
        return made


def _cores() -> int:
    """How many the process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _destroy(made: dict[int, int]) -> None:
    for pool in made.values():
        _function("tenon.pool_destroy", None, ctypes.c_void_p)(pool)


@cache
def _function(name: str, result: type | None, argument: type):
    return ctypes.CFUNCTYPE(result, argument)(pool_code().address(name))

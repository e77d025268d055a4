"""The run time that compiled code calls, as LLVM text.

`pool.ll` is a pool of threads over libc's pthreads; `pool_<architecture>.ll` holds what it needs of the
system there. `pool_alone.ll` stands for it in code that has none. Names that begin with `tenon.` are hidden.
"""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """A file of this folder."""
    return files(__name__).joinpath(name).read_text()


def pool_text(triple: str) -> str:
    """The pool for the architecture of a target's triple."""
    return read("pool.ll") + read(f"pool_{triple.split('-')[0]}.ll")


POOL_NEEDS = frozenset(
    {
        *("aligned_alloc", "free", "getpid", "sched_yield", "clock_gettime", "syscall"),
        *("pthread_create", "pthread_join", "pthread_sigmask"),
    }
)
"""What the pool calls of libc, beside memset."""

PARALLEL = "tenon.parallel"
"""The function that kernels call: `void (ptr pool, ptr body, ptr context, i64 parts)`."""

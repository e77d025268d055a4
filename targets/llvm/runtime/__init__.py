"""The run time of compiled code, as LLVM text: its threads, and what stands between a C program and `main`.

`pool.ll` is a pool of threads over libc's pthreads; `pool_<architecture>.ll` holds what it needs of the
system there. `pool_alone.ll` stands for it in code that has none.

The other `.ll` files are the units of shared objects (`UNITS`), compiled with `types.ll` in front and for the
least machine of the target's architecture, since they run before the CPU has been checked. What differs
between models are tables (`tenon.info`, `tenon.features`, `tenon.blob`) and `tenon.enter`, all written by
`interface.py`. In these units a quoted global name is the text it names: `ptr @"the model is null"`.

Names that begin with `tenon.` are hidden, so that two models in one process never meet.
"""

from __future__ import annotations

import re
from importlib.resources import files

UNITS = ("error", "checksum", "arena", "weights", "tensor", "model")
"""The files of every shared object; `cpu_<architecture>` joins them."""


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


def unit(name: str) -> str:
    """The LLVM text of `name`.ll, with the types it speaks of and the texts it names."""
    text = read("types.ll") + read(f"{name}.ll")
    named = dict.fromkeys(re.findall(r'@"([^"]*)"', re.sub(r";.*", "", text)))
    return text + "".join(f'@"{t}" = private constant [{len(t) + 1} x i8] c"{t}\\00"\n' for t in named)


def everything() -> str:
    """All files that become code."""
    names = sorted(file.name for file in files(__name__).iterdir() if file.name.endswith(".ll"))
    return "".join(map(read, names))

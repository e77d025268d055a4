"""How kernels are called in LLVM text: a node of a model may be called anything, `main` or `expf` too."""

from __future__ import annotations

from .function import symbol
from .scalar import LIBRARY_FUNCTIONS

RESERVED = LIBRARY_FUNCTIONS | {
    *("main", "tenon_main", "tenon_weights", "tenon_arena_bytes", "memcpy", "memset", "memmove"),
    *(
        name + width
        for name in ("fma", "floor", "ceil", "trunc", "roundeven", "round", "fmax", "fmin", "fmod")
        for width in ("", "f")
    ),
}
"""What the compiled code exports or calls."""


POOL = "%tenon.pool"
"""The pool of threads, an argument: no other argument's name holds a dot."""


def kernel_name(name: str) -> str:
    """The name of a kernel's function."""
    return f"{name}.kernel" if name in RESERVED or name.startswith("tenon.") else name


def kernel_symbol(name: str) -> str:
    """`kernel_name` as LLVM writes it."""
    return symbol(kernel_name(name))

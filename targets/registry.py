"""The tables of targets: passes that put a target into a module, and outputs of `-t`.

A new entry is one line. A factory imports its module when it is called, not before. The records of
machines are in `record.py` and the folder of each family.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xdsl.passes import ModulePass
    from xdsl.utils.target import Target


def _lazy(module: str, attribute: str) -> Callable[[], Any]:
    return lambda: getattr(import_module(module, __package__), attribute)


TARGET_PASSES: dict[str, Callable[[], type[ModulePass]]] = {
    "attach-target": _lazy(".attach_target", "AttachTargetPass"),
}
"""Passes that name a target, by their command-line name."""

TARGETS: dict[str, Callable[[], type[Target]]] = {
    "llvm": _lazy(".llvm.outputs", "LLVMTarget"),
    "asm": _lazy(".llvm.outputs", "AssemblyTarget"),
    "remarks": _lazy(".remarks", "RemarksTarget"),
}
"""What `tenon-opt -t` can write, by name."""

"""The public face of the compiler.

    from tenonc import compiler
    model = compiler.load("model.onnx", dims={"N": 1})
    exe = compiler.compile(model, target="host")
    y, = exe(x)

`load` also takes a torch module with example inputs; `save_onnx` writes a model as ONNX.
`exe.write("so", path)` makes a shared object with a C interface, which `load_executable` loads again.

Importing this module is cheap: what it offers is imported on first use.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

IMPORTED = time.time()
"""What is edited later is perhaps not what this process runs: the cache asks."""

if TYPE_CHECKING:
    from ..dialects.errors import CacheWarning, TenonError, UsageError
    from .executable import Executable, compile
    from .library import load_executable
    from .model import Model, Port
    from .onnx_export import save_onnx
    from .onnx_import import load
    from .pruning.driver import prune
    from .pruning.objectives import Objectives
    from .pruning.rounds import prune_in_rounds
    from .reference import run_reference

__all__ = [
    "CacheWarning", "Executable", "Model", "Objectives", "Port", "TenonError", "UsageError", "compile",
    "load", "load_executable", "prune", "prune_in_rounds", "run_reference", "save_onnx",
]  # fmt: skip

_HOMES = {
    "CacheWarning": "..dialects.errors",
    "Executable": ".executable",
    "Model": ".model",
    "Objectives": ".pruning.objectives",
    "Port": ".model",
    "TenonError": "..dialects.errors",
    "UsageError": "..dialects.errors",
    "compile": ".executable",
    "load": ".onnx_import",
    "load_executable": ".library",
    "prune": ".pruning.driver",
    "prune_in_rounds": ".pruning.rounds",
    "run_reference": ".reference",
    "save_onnx": ".onnx_export",
}
"""Public name -> the module that defines it."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

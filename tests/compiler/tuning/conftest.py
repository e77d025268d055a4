"""Kernels of the digits network by themselves, as tuning sees them."""

from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp

from tenonc import compiler
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.pipeline import run_levels
from tenonc.compiler.tuning.kernel_module import kernel_module
from tenonc.dialects import tensorized

OPTIONS = CompileOptions("x86-64-v3")
"""Not `host`: the candidates are the same on every machine."""

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "digits.onnx"


@pytest.fixture(scope="session")
def matched() -> ModuleOp:
    module = compiler.load(DIGITS).module.clone()
    run_levels(module, OPTIONS, "nn", "matched")
    return module


@pytest.fixture(scope="session")
def alone(matched: ModuleOp) -> dict[str, ModuleOp]:
    """Kernel name -> the module of that kernel by itself."""
    return {k.sym_name.data: kernel_module(matched, k) for k in tensorized.kernels(matched)}


@pytest.fixture(scope="session")
def lone(matched: ModuleOp) -> ModuleOp:
    """The model without any kernel but @block1_norm1."""
    module = matched.clone()
    for op in list(module.body.block.ops):
        kept = isinstance(op, tensorized.InstructionOp) or (
            isinstance(op, tensorized.KernelOp) and op.sym_name.data == "block1_norm1"
        )
        if not kept:
            op.detach()
            op.erase(safe_erase=False)
    return module


@pytest.fixture(scope="session")
def options() -> CompileOptions:
    return OPTIONS


@pytest.fixture(scope="session")
def digits() -> Path:
    return DIGITS

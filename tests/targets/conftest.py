"""Fixtures: parse kernels from text, run them as machine code."""

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import arith, builtin, func, llvm, math, memref, scf
from xdsl.parser import Parser

from tenonc.dialects.tensorized import TENSORIZED
from tenonc.targets.llvm import emit_llvm
from tenonc.targets.llvm.codegen import compile_text
from tenonc.targets.record import host


def parse_module(text: str) -> builtin.ModuleOp:
    ctx = Context()
    for dialect in (
        builtin.Builtin,
        arith.Arith,
        func.Func,
        scf.Scf,
        memref.MemRef,
        math.Math,
        llvm.LLVM,
        TENSORIZED,
    ):
        ctx.load_dialect(dialect)
    module = Parser(ctx, text).parse_module()
    module.verify()
    return module


@pytest.fixture(scope="session")
def parse():
    """A verified module from its text."""
    return parse_module


@pytest.fixture(scope="session")
def run_kernel():
    """Runs the kernel @k of a module text on arrays, in place; returns its LLVM text."""

    def run(source: str, *arrays: np.ndarray, record=None) -> str:
        module = parse_module(source)
        module.attributes["tenon.target"] = (record or host()).attribute()
        text = emit_llvm(module)
        code = compile_text(text.replace("define internal void @k(", "define void @k("), host())
        code.function("k", len(arrays))(*(a.ctypes.data for a in arrays))
        return text

    return run

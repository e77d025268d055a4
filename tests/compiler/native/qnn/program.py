"""Builds quantized programs, and compares native code with the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from tenonc.compiler import Executable, Model, compile, run_reference
from tenonc.dialects import nn


class Program:
    """A @main of ops on seeded arrays, each an argument or a constant."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.block, self.store, self.arrays = Block(), nn.WeightStore(), {}
        self.results: list[SSAValue] = []

    def pick(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def value(self, array: Any, runtime: bool = False) -> SSAValue:
        array = np.asarray(array)
        if not runtime:
            op = nn.constant(self.store, array)
            self.block.add_op(op)
            return op.result
        self.arrays[f"input{len(self.arrays)}"] = array
        type_ = TensorType(nn.element_type(array.dtype), array.shape)
        return self.block.insert_arg(type_, len(self.block.args))

    def integers(self, dtype: Any, *shape: int, runtime: bool = True) -> SSAValue:
        info = np.iinfo(dtype)
        array = self.rng.integers(info.min, info.max, shape, dtype, endpoint=True)
        edge = self.rng.random(shape) < 0.1
        return self.value(np.where(edge, self.pick([info.min, info.max]), array).astype(dtype), runtime)

    def scale(self, *shape: int, near: float = 0.1, runtime: bool = False) -> SSAValue:
        """Around `near`; every third one a power of two, where halves occur."""
        array = near * 2 ** self.rng.uniform(-2, 2, shape)
        powers = 2.0 ** np.rint(np.log2(array))
        return self.value(np.where(self.rng.random(shape) < 0.3, powers, array).astype(np.float32), runtime)

    def zero(self, dtype: Any, *shape: int, runtime: bool = False) -> SSAValue:
        """Zero half of the time."""
        info = np.iinfo(dtype)
        array = self.rng.integers(info.min // 2, info.max // 2, shape, dtype)
        return self.value(array if self.rng.random() < 0.5 else np.zeros(shape, dtype), runtime)

    def bounds(self, dtype: Any) -> tuple[int, int]:
        info = np.iinfo(dtype)
        low, high = sorted(self.rng.integers(info.min, info.max, 2, endpoint=True).tolist())
        return self.pick([(info.min, info.max), (low, high)])

    def __call__(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def add(self, op: Operation) -> SSAValue:
        """An op whose result the program returns."""
        self.results.append(self(op))
        return op.results[0]

    def model(self) -> Model:
        self.block.add_op(ReturnOp(*self.results))
        types = FunctionType.from_lists([a.type for a in self.block.args], [r.type for r in self.results])
        return Model(ModuleOp([FuncOp("main", types, Region(self.block))]), self.store)

    def check(self, *targets: str, steps: int = 0, threads: int = 1) -> list[Executable]:
        """Runs the results on every target and compares them with the interpreter's; what was compiled."""
        model = self.model()
        model.module.verify()
        expected = run_reference(model, self.arrays)
        return [self._checked(model, expected, target, steps, threads) for target in targets]

    def _checked(self, model, expected, target: str, steps: int, threads: int) -> Executable:
        exe = compile(model, target, threads=threads)
        found = exe(self.arrays)
        for got, port in zip(found, model.outputs, strict=True):
            want = expected[port.name]
            assert got.dtype == want.dtype and got.shape == want.shape
            if steps:
                assert np.abs(got.astype(np.int64) - want).max() <= steps
            else:
                np.testing.assert_array_equal(got, want)
        return exe

"""Builds quantized programs, and runs them before and after qdq-to-integer."""

from __future__ import annotations

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, NameLoc, StringAttr, TensorType, UnknownLoc
from xdsl.ir import Block, Region, SSAValue

from tenonc.dialects import nn, qnn
from tenonc.dialects.reference import interpreter
from tenonc.passes.qdq.reasons import reasons_of
from tenonc.passes.qdq_to_integer import QdqToIntegerPass


class Program:
    """@main over quantized inputs. Parameters are drawn for every tensor; an op is located by its number."""

    def __init__(self, seed: int = 0):
        self.rng = np.random.default_rng(seed)
        self.store = nn.WeightStore()
        self.block = Block()
        self.count = 0

    def __call__(self, op) -> SSAValue:
        self.count += 1
        op.location = NameLoc(StringAttr(f"v{self.count}"), UnknownLoc())
        self.block.add_op(op)
        return op.results[0]

    def constant(self, array) -> SSAValue:
        return self(nn.constant(self.store, np.asarray(array)))

    def floats(self, *shape: int, low: float = -1.0) -> SSAValue:
        return self.constant(self.rng.uniform(low, 1, shape).astype(np.float32))

    def compute(self, fn: str, *operands) -> SSAValue:
        values = [v if isinstance(v, SSAValue) else self.constant(np.float32(v)) for v in operands]
        return self(nn.ElementwiseOp(fn, *values))

    def parameters(self, dtype, channels: int | None = None, zero: int | None = None):
        shape = () if channels is None else (channels,)
        info = np.iinfo(dtype)
        scale = np.exp(self.rng.uniform(-5, -3, shape)).astype(np.float32)
        middle = (int(info.min) + int(info.max) + 1) // 2 if zero is None else zero
        spread = 0 if zero is not None or info.bits > 8 else 20
        zero_point = self.rng.integers(middle - spread, middle + spread + 1, shape).astype(dtype)
        return self.constant(scale), self.constant(zero_point)

    def input(self, *shape: int, dtype=np.uint8, parameters=None) -> SSAValue:
        """An argument, dequantized."""
        argument = self.block.insert_arg(TensorType(nn.element_type(dtype), shape), len(self.block.args))
        s, zp = parameters or self.parameters(dtype)
        return self(qnn.DequantizeOp(argument, s, zp))

    def argument(self, *shape: int, dtype=np.float32) -> SSAValue:
        return self.block.insert_arg(TensorType(nn.element_type(dtype), shape), len(self.block.args))

    def weights(self, *shape: int, axis: int | None = None, zero: int | None = 0, dtype=np.int8) -> SSAValue:
        """A constant, dequantized: per tensor, or per channel along `axis`."""
        info = np.iinfo(dtype)
        array = self.rng.integers(info.min, info.max + 1, shape).astype(dtype)
        parameters = self.parameters(dtype, None if axis is None else shape[axis], zero)
        return self(qnn.DequantizeOp(self.constant(array), *parameters, axis=axis or 0))

    def quantized(self, x: SSAValue, scale: float, zero: int = 3, dtype=np.uint8, **fields) -> SSAValue:
        parameters = self.constant(np.float32(scale)), self.constant(np.asarray(zero, dtype))
        return self(qnn.QuantizeOp(x, *parameters, **fields))

    def module(self, *results: SSAValue) -> ModuleOp:
        self.block.add_op(func.ReturnOp(*results))
        types = list(self.block.arg_types), [r.type for r in results]
        module = ModuleOp([func.FuncOp("main", types, Region(self.block))])
        module.verify()
        return module

    def inputs(self, module: ModuleOp) -> list[np.ndarray]:
        found = []
        for argument in main_of(module).body.block.args:
            type_ = nn.tensor_of(argument)
            dtype = nn.numpy_dtype(type_.element_type)
            if dtype.kind == "f":
                found.append(self.rng.standard_normal(type_.get_shape()).astype(dtype))
            else:
                info = np.iinfo(dtype)
                high = min(int(info.max), 1 << 30)
                found.append(self.rng.integers(info.min, high + 1, type_.get_shape()).astype(dtype))
        return found

    def convert(self, *results: SSAValue) -> Converted:
        """The program with these results, before and after the pass, on drawn inputs."""
        module = self.module(*results)
        inputs = self.inputs(module)
        before = interpreter(module, self.store).call_op("main", tuple(inputs))
        QdqToIntegerPass().apply(Context(), module)
        module.verify()
        after = interpreter(module, self.store).call_op("main", tuple(inputs))
        return Converted(module, before, after)


def main_of(module: ModuleOp) -> func.FuncOp:
    return next(op for op in module.ops if isinstance(op, func.FuncOp))


class Converted:
    """`ops`: the run-time ops that are left, in order, by their names; `reasons`: node's op -> reason."""

    def __init__(self, module, before, after):
        self.module, self.before, self.after = module, before, after
        block = main_of(module).body.block
        known = nn.compile_time_values(block.ops)
        kept = [op for op in block.ops if isinstance(op, nn.NNOperation) and op.result not in known]
        self.ops = [f"{op.name} {op.fn.data}" if hasattr(op, "fn") else op.name for op in kept]  # pyright: ignore
        self.kept = kept
        self.reasons = {row["op"]: row["reason"] for row in reasons_of(module)}

    def check(self, steps: int = 1) -> None:
        """Integers differ by a step in few elements, floats by rounding."""
        for old, new in zip(self.before, self.after, strict=True):
            assert old.dtype == new.dtype and old.shape == new.shape
            if old.dtype.kind == "f":
                np.testing.assert_allclose(new, old, rtol=0, atol=2e-6 * np.abs(old).max())
                continue
            error = np.abs(old.astype(int) - new.astype(int))
            assert error.max() <= steps and (error > 0).mean() <= 0.01
            low, high = np.iinfo(old.dtype).min, np.iinfo(old.dtype).max
            assert ((old > low) & (old < high)).mean() > 0.1, "nearly all is clamped: nothing is tested"

"""How an op of a program runs: by its torch rule, in the mode of the module, or in the reference interpreter.

The interpreter takes what is no float and has no torch function: integer arithmetic, positions of extrema,
bits. Its results have no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from xdsl.dialects.builtin import AnyFloat, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from ...dialects import nn
from ...dialects.errors import TenonError
from ...dialects.nn.interpretation import wide
from ...dialects.reference import interpreter
from .arrays import to_numpy, to_torch, torch_dtype
from .program import NOT_RUN, Call, Runner, Setting, described
from .rules import RULES

MOVES = (
    nn.ReshapeOp, nn.TransposeOp, nn.ConcatOp, nn.SliceOp, nn.PadOp, nn.BroadcastOp, nn.GatherOp,
    nn.GatherElementsOp,
)  # fmt: skip
"""Torch has these for integers too."""

UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
"""Torch stores these, and does little else with them."""


def check_supported(module: ModuleOp) -> None:
    """TenonError that lists every op of `module` that cannot run under torch."""
    known = (ModuleOp, FuncOp, *NOT_RUN)
    missing = [op for op in module.walk() if not isinstance(op, known) and not _is_supported(op)]
    if missing:
        raise TenonError(f"cannot run under torch: {', '.join(map(described, missing))}")


def runner_of(op: Operation, setting: Setting) -> Runner:
    """What computes `op`, which is supported."""
    if type(op) in SPECIAL:
        return SPECIAL[type(op)](op, setting)
    assert isinstance(op, nn.NNOperation)
    if not _has_torch_function(op):
        return _interpreted(op, setting)
    fn = RULES[type(op)](op)
    return lambda call, *operands: (fn(*operands),)


def _is_supported(op: Operation) -> bool:
    if type(op) in SPECIAL:
        return True
    return isinstance(op, nn.NNOperation) and (_has_torch_function(op) or _without_gradient(op))


def _without_gradient(op: nn.NNOperation) -> bool:
    return not _is_float(op.type) or isinstance(op, nn.BitcastOp) or _is_empty(op)


def _has_torch_function(op: nn.NNOperation) -> bool:
    types = [nn.tensor_of(value) for value in (*op.operands, op.result)]
    if type(op) not in RULES or _is_empty(op) or any(torch_dtype(t.element_type) in UNSIGNED for t in types):
        return False
    if isinstance(op, nn.ElementwiseOp) and op.function.rule in ("compare", "logic", "where"):
        return True
    return isinstance(op, MOVES) or _is_float(op.type)


def _is_float(tensor: TensorType) -> bool:
    return isinstance(tensor.element_type, AnyFloat)


def _is_empty(op: nn.NNOperation) -> bool:
    """Torch reduces nothing to no value."""
    return any(0 in nn.tensor_of(value).get_shape() for value in op.operands)


def _interpreted(op: nn.NNOperation, setting: Setting) -> Runner:
    machine, floats = interpreter(ModuleOp([])), setting.floats
    types = [nn.tensor_of(value) for value in op.operands]
    dtypes = [nn.numpy_dtype(t.element_type) for t in types]
    shapes = [t.get_shape() for t in types]
    result = torch_dtype(op.type.element_type, floats)

    def run(call: Call, *operands: Tensor) -> tuple[Tensor]:
        arrays = [to_numpy(x, dtype) for x, dtype in zip(operands, dtypes, strict=True)]
        if [x.shape for x in arrays] == shapes:
            (found,) = machine.run_op(op, tuple(arrays))
        elif isinstance(op, nn.ElementwiseOp):  # its meaning knows no shapes
            found = np.asarray(op.function.numpy(*map(wide, arrays)))
            found = found.astype(nn.numpy_dtype(op.type.element_type))
        else:
            raise TenonError(f"{described(op)} runs in the reference interpreter: on the model's shapes only")
        return (to_torch(found).to(device=operands[0].device if operands else None, dtype=result),)

    return run


def _cast(op: nn.CastOp, setting: Setting) -> Runner:
    """Between floats, from integers, and to i1; the others truncate or wrap as the interpreter does."""
    source, target = nn.tensor_of(op.x), op.type
    dtype = torch_dtype(target.element_type, setting.floats)
    if _is_float(target) and torch_dtype(source.element_type) not in UNSIGNED:
        return lambda call, x: (x.to(dtype),)
    return _interpreted(op, setting)


def _batch_norm(op: nn.BatchNormOp, setting: Setting) -> Runner:
    """Real batch norm where the statistics are the model's: training takes those of the batch, and moves the
    running ones towards them as torch does, with the unbiased variance."""
    epsilon, momentum = op.value_of("epsilon"), setting.momentum
    running = all(value in setting.names for value in (op.mean, op.variance))

    def run(call: Call, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor):
        if running:
            return (F.batch_norm(x, mean, variance, scale, bias, call.training, momentum, epsilon),)
        mean, variance, scale, bias = (
            p.reshape(-1, *(1,) * (x.ndim - 2)) for p in (mean, variance, scale, bias)
        )
        return ((x - mean) * torch.rsqrt(variance + epsilon) * scale + bias,)

    return run


def _scan(op: nn.ScanOp, setting: Setting) -> Runner:
    """One step after another; torch records each."""
    program = setting.program_of(op.function())
    carried, sliced, steps = (op.value_of(name) for name in ("carried", "sliced", "steps"))

    def run(call: Call, *operands: Tensor) -> tuple[Tensor, ...]:
        state, slices = operands[:carried], operands[carried : carried + sliced]
        if any(len(x) != steps for x in slices):
            raise TenonError(f"{described(op)} runs along the batch")
        made: list[tuple[Tensor, ...]] = []
        for step in range(steps):
            seen = [x[steps - 1 - step if op.is_reversed(i) else step] for i, x in enumerate(slices)]
            results = program(call, (*state, *seen, *operands[carried + sliced :]))
            state = results[:carried]
            made.append(results[carried:])
        stacked = [torch.stack(elements) for elements in zip(*made, strict=True)]
        return (*state, *(x.flip(0) if op.is_reversed(sliced + i) else x for i, x in enumerate(stacked)))

    return run


SPECIAL: dict[type, Callable[[Any, Setting], Runner]] = {
    nn.CastOp: _cast,
    nn.BatchNormOp: _batch_norm,
    nn.ScanOp: _scan,
}
"""Ops that need more than their operands: how the program is made, or the mode of the call."""

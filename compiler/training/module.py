"""A model as a torch module: its weights are parameters, its graph runs op by op with autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from ..constants import set_constant
from ..model import Model, Port
from .arrays import to_numpy, to_torch, torch_dtype
from .leaves import Leaf, Trainable, array_of, constants_of, is_weight, leaves_of, separate_statistics
from .program import Call, Program, Setting
from .runners import check_supported


class _Plan:
    """What a module was made from. It does not change, so copies of the module share it."""

    def __init__(self, model: Model, trainable: Trainable, floats: torch.dtype | None, momentum: float):
        self.model = model.copied()
        self.floats = floats
        separate_statistics(self.model.module)
        check_supported(self.model.module)
        self.leaves = leaves_of(self.model, trainable, dir(TorchModule) + dir(torch.nn.Module()))
        names: dict[SSAValue, str] = {leaf.op.result: leaf.name for leaf in self.leaves}
        self.program = Program(self.model.main, Setting(names, floats, momentum))

    def __deepcopy__(self, memo: dict[int, Any]) -> _Plan:
        return self


class TorchModule(torch.nn.Module):
    """`model`, which holds nn ops, as a module that torch can train.

    Parameters are the file's float constants of rank 1 and more, of which `trainable(name, array)` may choose
    others. A name is that of the initializer: a module of torch keeps its names on the way through ONNX.
    Running statistics of batch norms are buffers, which `train()` updates with `momentum` (the share of the
    new batch, as torch has it) and `eval()` uses; all other constants are buffers outside the `state_dict`.
    `floats` replaces the dtype of every float: f64 for checks, f32 for a model of halves.

    It takes and returns tensors as the model has inputs and outputs: one output by itself, several as a
    tuple. Along axis 0 inputs may be longer than the model's by one factor: a model of batch 1 takes any
    batch, as long as its graph keeps the elements of a batch apart."""

    def __init__(
        self,
        model: Model,
        *,
        trainable: Trainable = is_weight,
        momentum: float = 0.1,
        floats: torch.dtype | None = None,
    ):
        super().__init__()
        self._plan = _Plan(model, trainable, floats, momentum)
        self._ports = model.inputs
        for leaf in self._plan.leaves:
            self._register(leaf)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The inputs of the model."""
        return self._ports

    @property
    def leaves(self) -> Sequence[Leaf]:
        """The constants of the model, and what each is to the module."""
        return self._plan.leaves

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The outputs for `inputs`. Raises TenonError where an input is not what the model takes."""
        leaves = dict(self.named_parameters(remove_duplicate=False)) | dict(self.named_buffers())
        arguments = _checked(self._ports, inputs, self._plan.floats)
        results = self._plan.program(Call(leaves, self.training), arguments)
        return results[0] if len(results) == 1 else results

    def without_decay(self) -> set[str]:
        """Names of the parameters of norms, which weight decay leaves alone."""
        return {leaf.name for leaf in self._plan.leaves if leaf.kind == "parameter" and not leaf.decays}

    def write_back(self, model: Model | None = None) -> Model:
        """`model`, by default the one this module was made from, with the weights and statistics as they are
        now: the same IR but for the constants' values, and a store of its own.

        Another model must have the same constants in the same order, as one that was loaded from the same
        file with another batch."""
        source = model or self._plan.model
        made = source.copied(nn.WeightStore())
        separate_statistics(made.module)
        constants = list(constants_of(made.module))
        self._check_same(constants)
        state = dict(self.named_parameters(remove_duplicate=False)) | dict(self.named_buffers())
        for op, leaf in zip(constants, self._plan.leaves, strict=True):
            changed = leaf.kind != "fixed"
            array = to_numpy(state[leaf.name], leaf.array.dtype) if changed else array_of(source, op)
            set_constant(made.store, op, array)
        made.module.verify()
        return made

    def _check_same(self, constants: Sequence[nn.ConstantOp]) -> None:
        leaves = self._plan.leaves
        if len(constants) != len(leaves):
            raise TenonError(f"the model has {len(constants)} constants, expected the {len(leaves)} trained")
        for op, leaf in zip(constants, leaves, strict=True):
            if leaf.kind != "fixed" and op.result.type != leaf.op.result.type:
                raise TenonError(f"weight '{leaf.name}' is {op.result.type}, expected {leaf.op.result.type}")

    def _register(self, leaf: Leaf) -> None:
        owner: torch.nn.Module = self
        *path, name = leaf.name.split(".")
        for part in path:
            if part not in owner._modules:
                owner.add_module(part, torch.nn.Module())
            owner = owner.get_submodule(part)
        tensor = to_torch(leaf.array)
        if tensor.is_floating_point():
            tensor = tensor.to(self._plan.floats or tensor.dtype)
        if leaf.kind == "parameter":
            owner.register_parameter(name, torch.nn.Parameter(tensor))
        else:
            owner.register_buffer(name, tensor, persistent=leaf.kind == "statistics")


def _checked(ports: Sequence[Port], inputs: Sequence[Any], floats: torch.dtype | None) -> list[Tensor]:
    """The inputs as tensors, of the dtypes and shapes of the ports but for a common batch."""
    if len(inputs) != len(ports):
        raise TenonError(
            f"got {len(inputs)} inputs, the model has {len(ports)}: {', '.join(map(str, ports))}"
        )
    found: list[Tensor] = []
    factors: set[float] = set()
    for port, given in zip(ports, inputs, strict=True):
        tensor = given if isinstance(given, Tensor) else to_torch(np.asarray(given))
        dtype = torch_dtype(nn.element_type(port.dtype))
        if tensor.dtype not in (dtype, floats if dtype.is_floating_point else dtype):
            raise TenonError(f"input '{port.name}': dtype is {tensor.dtype}, expected {dtype}")
        shape = tuple(tensor.shape)
        batch = shape[:1] if port.shape else ()
        if shape[len(batch) :] != port.shape[len(batch) :] or len(shape) != len(port.shape):
            raise TenonError(f"input '{port.name}': shape is {list(shape)}, expected {list(port.shape)}")
        factors.update(n / m for n, m in zip(batch, port.shape) if m)
        found.append(tensor.to(floats) if floats and dtype.is_floating_point else tensor)
    if len(factors) > 1 or any(not factor.is_integer() for factor in factors):
        shapes = ", ".join(str(list(x.shape)) for x in found)
        raise TenonError(f"inputs {shapes} are no common multiple of the model's batch")
    return found

"""From a torch module to the bytes of an ONNX file: seeded weights, measured batch-norm statistics.

torch's exporter fuses batch norms away when it optimizes, and without leaves shape arithmetic everywhere;
so the arithmetic is folded here, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compiler.torch_import import quiet_exporter
from . import seeding

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor, nn

BATCHES, BATCH = 2, 8
"""What batch-norm statistics are averaged over."""


def export_module(
    name: str, make: Callable[[], nn.Module], shape: tuple[int, ...], words: int = 0
) -> ModelProto:
    """The ONNX model of `make()` with seeded weights. Its input `x` has this shape, its output is `y`;
    where `words` is given the input holds integers below it."""
    import torch

    module = make()
    with torch.no_grad():
        seed_weights(name, module)
        measure_statistics(name, module, shape)
    rng = seeding.generator(name, "example")
    example = rng.integers(0, words, shape) if words else rng.standard_normal(shape, np.float32)
    return to_onnx(module.eval(), {"x": example}, ["y"])


def seed_weights(name: str, module: nn.Module) -> None:
    """Replaces every parameter by the seeded one of its name, according to the layer it belongs to."""
    import torch

    for prefix, layer in module.named_modules():
        for key, parameter in layer.named_parameters(recurse=False):
            array = _draw(seeding.generator(name, f"{prefix}.{key}"), layer, key, tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(array))


def _draw(rng: np.random.Generator, layer: nn.Module, key: str, shape: tuple[int, ...]) -> np.ndarray:
    from torch import nn

    from .residual import BranchNorm

    taps = math.prod(shape[2:])
    match layer:
        case BranchNorm() if key == "weight":
            return seeding.scale(rng, shape) * np.float32(0.3)
        case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.LayerNorm() if key == "weight":
            return seeding.scale(rng, shape)
        case nn.Embedding():
            return rng.standard_normal(shape, np.float32)
        case nn.Conv2d() if len(shape) > 1:
            fan_in, fan_out = shape[1] * taps, shape[0] * taps // layer.groups
            # No bias means that a norm follows; without one the values must not grow.
            return seeding.he(rng, shape, fan_out if layer.bias is None else max(fan_in, fan_out))
        case nn.ConvTranspose2d() if len(shape) > 1:
            return seeding.he(rng, shape, shape[1] * taps // math.prod(layer.stride))
        case nn.Linear() if len(shape) > 1:
            return seeding.he(rng, shape, shape[0])
        case nn.LSTM() if len(shape) > 1:  # four gates in one matrix
            return seeding.he(rng, shape, shape[0] // 4)
    return seeding.shift(rng, shape)


def measure_statistics(name: str, module: nn.Module, shape: tuple[int, ...]) -> None:
    """Sets the batch norms' running statistics to the average over a few seeded batches."""
    import torch
    from torch import nn

    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.momentum = None  # a cumulative average
    module.train()
    for index in range(BATCHES):
        rng = seeding.generator(name, f"batch {index}")
        module(torch.from_numpy(seeding.images(rng, (BATCH, *shape[1:]))))
    for norm in norms:
        for statistics in (norm.running_mean, norm.running_var):
            assert statistics is not None
            statistics.copy_(torch.from_numpy(seeding.rounded(statistics.numpy())))


def to_onnx(module: nn.Module, inputs: dict[str, np.ndarray], outputs: Sequence[str]) -> ModelProto:
    """The module's ONNX model with its batch norms, and without what differs from run to run."""
    import torch

    examples: tuple[Tensor, ...] = tuple(map(torch.from_numpy, inputs.values()))
    names: dict[str, Any] = {"input_names": list(inputs), "output_names": list(outputs)}
    with quiet_exporter():
        program = torch.onnx.export(module, examples, dynamo=True, optimize=False, verbose=False, **names)
        assert program is not None
        fold_constants(program.model)
    model = program.model_proto
    model.producer_name, model.producer_version = "tenonc", ""
    strip(model)
    return model


def fold_constants(model: Any) -> None:
    """Evaluates shape arithmetic in an onnx_ir model and drops what is then unused."""
    import onnx_ir.passes.common as common
    from onnxscript.optimizer import fold_constants as fold

    for _ in range(2):
        fold(model)
        common.RemoveUnusedNodesPass()(model)
        common.CommonSubexpressionEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)


def strip(model: ModelProto) -> None:
    """Removes metadata: source paths and stack traces of the exporting process."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    graph = model.graph
    for item in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""

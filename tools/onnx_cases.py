"""The backend cases that ship inside the onnx package, as data that can be sent to another process."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

GROUPS = ("node", "simple", "real", "pytorch-converted", "pytorch-operator")

QUANTIZED = re.compile(r"quantize|qlinear|matmulinteger|convinteger", re.IGNORECASE)
"""The node cases of the group `quant`, by name."""


@dataclass(frozen=True)
class Case:
    """A model with the outputs that given inputs must have.

    model: the file's bytes; sets: pairs of inputs and outputs, in the model's order. An item is an array,
    or what else ONNX has (a list for a sequence, None for an empty optional)."""

    group: str
    name: str
    model: bytes
    sets: list[tuple[list[Any], list[Any]]]
    rtol: float
    atol: float


def collect(group: str) -> list[Case]:
    """The cases of a group: one of `GROUPS`, `quant` (the quantized node cases), or `all`."""
    if group == "all":
        return [case for one in GROUPS for case in collect(one)]
    if group == "quant":
        return [case for case in collect("node") if QUANTIZED.search(case.name)]
    with _quiet():
        return list(_nodes() if group == "node" else _files(group))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The package's case generators print, and warn about overflows they want."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _nodes() -> Iterator[Case]:
    from onnx.backend.test.case.node import collect_testcases

    for one in collect_testcases(None):  # pyright: ignore[reportArgumentType]  None means every op
        sets = [([*map(_plain, inputs)], [*map(_plain, outputs)]) for inputs, outputs in one.data_sets or ()]
        assert one.model is not None
        yield Case("node", one.name, one.model.SerializeToString(), sets, one.rtol, one.atol)


def _files(group: str) -> Iterator[Case]:
    import onnx
    from onnx.backend.test.loader import load_model_tests

    for one in load_model_tests(kind=group):
        if one.model_dir is None:  # only named: the file lies inside the package
            path = Path(onnx.__file__).parent.parent / str(one.url)
            model = onnx.load(path)
            sets = [_made_inputs(path, model)]
        else:
            path = Path(one.model_dir) / "model.onnx"
            model = onnx.load(path)
            folders = sorted(Path(one.model_dir).glob("test_data_set*"))
            graph = model.graph
            sets = [(_items(f, "input", graph.input), _items(f, "output", graph.output)) for f in folders]
        yield Case(group, one.name, path.read_bytes(), sets, one.rtol, one.atol)


def _made_inputs(path: Path, model: Any) -> tuple[list[Any], list[Any]]:
    """The inputs that onnx's own runner makes for a file without any: a ramp from 0 to 1."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs: list[Any] = []
    for value in model.graph.input:
        if value.name not in weights:
            shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
            size = int(np.prod(shape))
            inputs.append((np.arange(size).reshape(shape) / size).astype(np.float32))
    count = len(model.graph.output)
    files = [path.with_name(f"{path.stem}_output_{i}.pb") for i in range(count)]
    return inputs, [_item(file, value) for file, value in zip(files, model.graph.output, strict=True)]


def _items(folder: Path, kind: str, values: Any) -> list[Any]:
    count = len(list(folder.glob(f"{kind}_*.pb")))
    return [_item(folder / f"{kind}_{i}.pb", values[i]) for i in range(count)]


def _item(file: Path, value: Any) -> Any:
    import onnx
    from onnx import numpy_helper

    readers: dict[str, tuple[type, Callable[[Any], Any]]] = {
        "tensor_type": (onnx.TensorProto, numpy_helper.to_array),
        "sequence_type": (onnx.SequenceProto, numpy_helper.to_list),
        "optional_type": (onnx.OptionalProto, numpy_helper.to_optional),
    }
    make, read = readers[value.type.WhichOneof("value")]
    proto = make()
    proto.ParseFromString(file.read_bytes())
    return read(proto)


def _plain(item: Any) -> Any:
    """Some generators leave encoded tensors or numpy scalars where others have arrays."""
    from onnx import TensorProto, numpy_helper

    if isinstance(item, TensorProto):
        return numpy_helper.to_array(item)
    return np.asarray(item) if isinstance(item, np.generic) else item

"""Float models quantized to 8 bits by onnxruntime.quantization, the benchmark models on seeded data.

onnxruntime prepares the model first: it folds batch norms into convolutions and infers every shape."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import seeding

if TYPE_CHECKING:
    from onnx import ModelProto

FORMATS = {"int8-qdq": "QDQ", "int8-qop": "QOperator"}
"""Precision -> the name of onnxruntime's format."""

OPSET = 13
"""The first that knows scales of channels; older models are converted."""

SAMPLES = 8
"""How many inputs are run to find the range of each activation."""


def quantize(
    model: ModelProto,
    precision: str,
    signed: bool,
    feeds: Iterable[Mapping[str, np.ndarray]],
    reduce_range: bool = False,
) -> ModelProto:
    """The float `model` with u8 activations (`signed`: s8) whose ranges are those on `feeds`, and s8 weights
    (`reduce_range`: of [-64, 64]), per channel.

    The same bytes each time: the ranges are rounded, for sums differ from machine to machine."""
    import onnx
    from onnxruntime import quantization

    activation = quantization.QuantType.QInt8 if signed else quantization.QuantType.QUInt8
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        given, prepared, result = (str(Path(folder, f"{stage}.onnx")) for stage in ("f", "p", "q"))
        ranges = str(Path(folder, "ranges.json"))
        onnx.save(_converted(model), given)  # a model in memory loses what shape inference must read
        quantization.quant_pre_process(given, prepared, skip_symbolic_shape=True)
        _calibrate(prepared, ranges, feeds)
        quantization.quantize_static(
            prepared,
            result,
            quant_format=quantization.QuantFormat[FORMATS[precision]],
            op_types_to_quantize=_op_types(),
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=activation,
            weight_type=quantization.QuantType.QInt8,
            calibration_cache_path=ranges,
        )
        quantized = onnx.load(result)
    quantized.producer_name, quantized.producer_version = "tenonc", ""
    return quantized


def _converted(model: ModelProto) -> ModelProto:
    from onnx import version_converter

    if any(entry.domain == "" and entry.version < OPSET for entry in model.opset_import):
        return version_converter.convert_version(model, OPSET)
    return model


def seeded_feeds(name: str, model: ModelProto) -> Iterator[dict[str, np.ndarray]]:
    """Data for the one input of the model called `name`: images, normal numbers for other floats, small
    integers for word numbers."""
    from onnx import TensorProto

    (value,) = model.graph.input
    type_ = value.type.tensor_type
    shape = tuple(dim.dim_value for dim in type_.shape.dim)
    for index in range(SAMPLES):
        rng = seeding.generator(name, f"sample {index}")
        if type_.elem_type != TensorProto.FLOAT:
            array = rng.integers(0, 10, shape)
        else:
            array = seeding.images(rng, shape) if len(shape) == 4 else rng.standard_normal(shape, np.float32)
        yield {value.name: array}


def _op_types() -> list[str]:
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return sorted({*QDQRegistry, *QLinearOpsRegistry})


class _Reader:
    """What onnxruntime calls a CalibrationDataReader."""

    def __init__(self, feeds: Iterable[Mapping[str, np.ndarray]]):
        self._feeds = iter(feeds)

    def get_next(self) -> Mapping[str, np.ndarray] | None:
        return next(self._feeds, None)


def _calibrate(path: str, ranges: str, feeds: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Writes the range of every activation on `feeds` to the file `ranges`."""
    from onnxruntime.quantization import calibrate

    calibrator = calibrate.create_calibrator(path, _op_types(), f"{ranges}.onnx")
    reader: Any = _Reader(feeds)
    calibrator.collect_data(reader)
    found = calibrator.compute_data()
    for key, data in found.items():
        low, high = (seeding.rounded(np.asarray(end)) for end in data.range_value)
        found[key] = calibrate.TensorData(lowest=low, highest=high)
    calibrate.save_tensors_data(found, ranges)


@contextlib.contextmanager
def _quiet() -> Iterator[Any]:
    """onnxruntime.quantization gives advice on the root logger."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.getLogger().setLevel(level)

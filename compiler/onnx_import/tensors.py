"""From `TensorProto` to numpy, trusting nothing: every size is checked before memory is taken for it.

External data may only lie below the model's own folder: absolute paths, `..` and links that lead outside are
refused, whatever they point at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

import ml_dtypes
import numpy as np
from onnx import TensorProto, numpy_helper

from ...dialects.errors import TenonError

MAX_ELEMENTS = 2**33
"""More elements than any tensor of a real model holds; a shape beyond it is refused."""

ELEMENT_TYPES: dict[int, np.dtype] = {
    TensorProto.FLOAT: np.dtype(np.float32),
    TensorProto.DOUBLE: np.dtype(np.float64),
    TensorProto.FLOAT16: np.dtype(np.float16),
    TensorProto.BFLOAT16: np.dtype(ml_dtypes.bfloat16),
    TensorProto.INT8: np.dtype(np.int8),
    TensorProto.INT16: np.dtype(np.int16),
    TensorProto.INT32: np.dtype(np.int32),
    TensorProto.INT64: np.dtype(np.int64),
    TensorProto.UINT8: np.dtype(np.uint8),
    TensorProto.UINT16: np.dtype(np.uint16),
    TensorProto.UINT32: np.dtype(np.uint32),
    TensorProto.UINT64: np.dtype(np.uint64),
    TensorProto.BOOL: np.dtype(np.bool_),
}

TYPED_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
}
"""The field that holds values not given raw; `int32_data` for every type not named here."""


def element_type(code: int, where: str) -> np.dtype:
    """The numpy dtype of an ONNX element type code; `where` opens the error line."""
    if code in ELEMENT_TYPES:
        return ELEMENT_TYPES[code]
    known = TensorProto.DataType.values()
    name = TensorProto.DataType.Name(code).lower() if code in known else f"code {code}"
    raise TenonError(f"{where}: element type {name} is not supported")


def checked_shape(dims: Iterable[int], where: str) -> tuple[int, ...]:
    """`dims` as a shape: no negative extent, and not absurdly large."""
    shape = tuple(int(d) for d in dims)
    if any(d < 0 for d in shape):
        raise TenonError(f"{where}: shape {list(shape)} has a negative dimension")
    if math.prod(shape) > MAX_ELEMENTS:
        raise TenonError(f"{where}: shape {list(shape)} is larger than {MAX_ELEMENTS} elements")
    return shape


def read_tensor(tensor: TensorProto, folder: Path | None, where: str) -> np.ndarray:
    """The value of `tensor`, C-contiguous. `folder` is the model's, None for a model without a file."""
    dtype = element_type(tensor.data_type, where)
    shape = checked_shape(tensor.dims, where)
    if tensor.HasField("segment"):
        raise TenonError(f"{where}: segmented tensors are not supported")
    if tensor.data_location == TensorProto.EXTERNAL:
        return _read_external(tensor, folder, dtype, shape, where)
    if tensor.HasField("raw_data"):
        _expect_bytes(len(tensor.raw_data), dtype, shape, where)
        return np.frombuffer(tensor.raw_data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    count = len(getattr(tensor, TYPED_FIELDS.get(tensor.data_type, "int32_data")))
    if count != math.prod(shape):
        raise TenonError(
            f"{where}: shape {list(shape)} needs {math.prod(shape)} values, the file holds {count}"
        )
    return np.ascontiguousarray(numpy_helper.to_array(tensor)).reshape(shape)


def _expect_bytes(found: int, dtype: np.dtype, shape: tuple[int, ...], where: str) -> None:
    needed = math.prod(shape) * dtype.itemsize
    if found != needed:
        raise TenonError(
            f"{where}: shape {list(shape)} of {dtype} needs {needed} bytes, the file holds {found}"
        )


def _read_external(
    tensor: TensorProto, folder: Path | None, dtype: np.dtype, shape: tuple[int, ...], where: str
) -> np.ndarray:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = _external_path(entries.get("location", ""), folder, where)
    available = path.stat().st_size
    offset = _number(entries.get("offset", "0"), "offset", where)
    length = _number(entries.get("length", str(max(available - offset, 0))), "length", where)
    _expect_bytes(length, dtype, shape, where)
    if offset + length > available:
        span = f"bytes {offset} to {offset + length}"
        raise TenonError(f"{where}: {span} lie past the end of '{path.name}' ({available} bytes)")
    data = np.fromfile(path, dtype.newbyteorder("<"), math.prod(shape), offset=offset)
    return data.astype(dtype, copy=False).reshape(shape)


def _external_path(location: str, folder: Path | None, where: str) -> Path:
    if folder is None:
        raise TenonError(
            f"{where}: has external data '{location}', which only a model loaded from a path can have"
        )
    parts = PurePosixPath(location).parts + PureWindowsPath(location).parts
    anchored = location.startswith("/") or PureWindowsPath(location).anchor
    if not location or "\0" in location or ".." in parts or anchored:
        raise TenonError(f"{where}: external path '{location}' must be relative and below the model's folder")
    path = (folder / location).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise TenonError(f"{where}: external path '{location}' is a link that leaves the model's folder")
    if not path.is_file():
        raise TenonError(f"{where}: external file '{location}' does not exist")
    return path


def _number(text: str, key: str, where: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise TenonError(f"{where}: external {key} '{text}' is not a byte count")
    return int(text)

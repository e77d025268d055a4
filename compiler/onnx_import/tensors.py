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
from onnx import SparseTensorProto, TensorProto, numpy_helper

from ...dialects.errors import TenonError
from .reader import Source

MAX_ELEMENTS = 2**33
"""More elements than any tensor of a real model holds; a shape beyond it is refused."""

MAX_RANK = 32
"""What numpy broadcasts; it holds more."""

MAX_DENSE_BYTES = 2**28
"""Larger sparse tensors are not made dense: a few bytes of a file would ask for any amount of memory."""

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
    TensorProto.FLOAT8E4M3FN: np.dtype(ml_dtypes.float8_e4m3fn),
    TensorProto.FLOAT8E4M3FNUZ: np.dtype(ml_dtypes.float8_e4m3fnuz),
    TensorProto.FLOAT8E5M2: np.dtype(ml_dtypes.float8_e5m2),
    TensorProto.FLOAT8E5M2FNUZ: np.dtype(ml_dtypes.float8_e5m2fnuz),
    TensorProto.FLOAT8E8M0: np.dtype(ml_dtypes.float8_e8m0fnu),
    TensorProto.FLOAT4E2M1: np.dtype(ml_dtypes.float4_e2m1fn),
    TensorProto.INT4: np.dtype(ml_dtypes.int4),
    TensorProto.UINT4: np.dtype(ml_dtypes.uint4),
    TensorProto.INT2: np.dtype(ml_dtypes.int2),
    TensorProto.UINT2: np.dtype(ml_dtypes.uint2),
}

PACKED: dict[int, int] = {
    TensorProto.FLOAT4E2M1: 4,
    TensorProto.INT4: 4,
    TensorProto.UINT4: 4,
    TensorProto.INT2: 2,
    TensorProto.UINT2: 2,
}
"""Types of which a byte holds several elements, the first in the lowest bits -> bits of an element."""

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
    if len(shape) > MAX_RANK:
        raise TenonError(f"{where}: has rank {len(shape)}, expected at most {MAX_RANK}")
    if any(d < 0 for d in shape):
        raise TenonError(f"{where}: shape {list(shape)} has a negative dimension")
    if math.prod(shape) > MAX_ELEMENTS:
        raise TenonError(f"{where}: shape {list(shape)} is larger than {MAX_ELEMENTS} elements")
    return shape


def read_tensor(tensor: TensorProto, source: Source, where: str) -> np.ndarray:
    """The value of `tensor`, C-contiguous, not copied where the source holds its bytes."""
    dtype = element_type(tensor.data_type, where)
    shape = checked_shape(tensor.dims, where)
    if tensor.HasField("segment"):
        raise TenonError(f"{where}: segmented tensors are not supported")
    if tensor.data_type in PACKED:
        return _read_packed(tensor, source, dtype, shape, where)
    if tensor.data_location == TensorProto.EXTERNAL:
        return _read_external(tensor, source, dtype, shape, where)
    if tensor.HasField("raw_data"):
        raw = source.raw(tensor)
        _expect_bytes(len(raw), dtype, shape, where)
        return _little_endian(raw, dtype).reshape(shape)
    count = len(getattr(tensor, TYPED_FIELDS.get(tensor.data_type, "int32_data")))
    if count != math.prod(shape):
        raise TenonError(
            f"{where}: shape {list(shape)} needs {math.prod(shape)} values, the file holds {count}"
        )
    return np.ascontiguousarray(numpy_helper.to_array(tensor)).reshape(shape)


def _read_packed(
    tensor: TensorProto, source: Source, dtype: np.dtype, shape: tuple[int, ...], where: str
) -> np.ndarray:
    """Elements of a few bits, each in a byte of its own."""
    bits = PACKED[tensor.data_type]
    size = (-(-math.prod(shape) * bits // 8),)
    if tensor.data_location == TensorProto.EXTERNAL:
        packed = _read_external(tensor, source, np.dtype(np.uint8), size, where)
    elif tensor.HasField("raw_data"):
        raw = source.raw(tensor)
        _expect_bytes(len(raw), np.dtype(np.uint8), size, where)
        packed = np.frombuffer(raw, np.uint8)
    else:
        values = np.asarray(tensor.int32_data, np.int32)
        _expect_bytes(len(values), np.dtype(np.uint8), size, where)
        packed = values.astype(np.uint8)
    return unpacked(packed, bits)[: math.prod(shape)].view(dtype).reshape(shape)


def unpacked(packed: np.ndarray, bits: int) -> np.ndarray:
    """The elements of `bits` bits in the bytes of the last dimension, a byte each, the lowest bits first."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    numbers = packed[..., None] >> shifts & np.uint8((1 << bits) - 1)
    return numbers.reshape(*packed.shape[:-1], packed.shape[-1] * (8 // bits))


def _little_endian(data: memoryview, dtype: np.dtype) -> np.ndarray:
    """The elements in `data`, which is not copied if need not be."""
    if dtype.kind == "b":  # any byte but zero is true, while numpy expects a one
        return np.frombuffer(data, np.uint8) != 0
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)


def read_sparse(sparse: SparseTensorProto, source: Source, where: str) -> np.ndarray:
    """The value of `sparse`, made dense; at most MAX_DENSE_BYTES."""
    shape = checked_shape(sparse.dims, where)
    values = read_tensor(sparse.values, source, where)
    indices = read_tensor(sparse.indices, source, f"{where}, indices")
    if math.prod(shape) * values.dtype.itemsize > MAX_DENSE_BYTES:
        raise TenonError(f"{where}: shape {list(shape)} is too large to make dense ({MAX_DENSE_BYTES} bytes)")
    if (
        indices.dtype != np.int64
        or values.ndim != 1
        or indices.shape not in ((len(values),), (len(values), len(shape)))
    ):
        raise TenonError(
            f"{where}: {len(values)} values and indices of shape {list(indices.shape)} of "
            f"{indices.dtype} make no sparse tensor of rank {len(shape)}"
        )
    flat = indices if indices.ndim == 1 else _flat_indices(indices, shape, where)
    if not ((flat >= 0) & (flat < math.prod(shape))).all():
        raise TenonError(f"{where}: an index lies outside of shape {list(shape)}")
    dense = np.zeros(math.prod(shape), values.dtype)
    dense[flat] = values
    return dense.reshape(shape)


def _flat_indices(indices: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    if not ((indices >= 0) & (indices < np.array(shape))).all():
        raise TenonError(f"{where}: an index lies outside of shape {list(shape)}")
    steps = np.array([math.prod(shape[axis + 1 :]) for axis in range(len(shape))], np.int64)
    return indices @ steps


def _expect_bytes(found: int, dtype: np.dtype, shape: tuple[int, ...], where: str) -> None:
    needed = math.prod(shape) * dtype.itemsize
    if found != needed:
        raise TenonError(
            f"{where}: shape {list(shape)} of {dtype} needs {needed} bytes, the file holds {found}"
        )


def _read_external(
    tensor: TensorProto, source: Source, dtype: np.dtype, shape: tuple[int, ...], where: str
) -> np.ndarray:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = _external_path(entries.get("location", ""), source.folder, where)
    available = path.stat().st_size
    offset = _number(entries.get("offset", "0"), "offset", where)
    length = _number(entries.get("length", str(max(available - offset, 0))), "length", where)
    _expect_bytes(length, dtype, shape, where)
    if offset + length > available:
        span = f"bytes {offset} to {offset + length}"
        raise TenonError(f"{where}: {span} lie past the end of '{path.name}' ({available} bytes)")
    data = np.fromfile(path, np.uint8, length, offset=offset)
    return _little_endian(data.data, dtype).reshape(shape)


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

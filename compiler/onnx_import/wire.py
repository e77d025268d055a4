"""The encoded form of a model, before it is decoded: large weights are taken out, strings are checked.

Decoding copies every byte of a file, and reading `raw_data` of a decoded tensor copies it again. So the
encoded model is walked first and each large `raw_data` replaced by a token that says where its bytes lie in
the file. A token begins with random bytes of this process: no file can hold one."""

from __future__ import annotations

import secrets
import struct
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from onnx import ModelProto, TensorProto

MIN_BYTES = 1024
"""Smaller raw data stays where it is."""

MAX_DEPTH = 100
"""Messages within each other: what protobuf itself accepts."""

_MARK = secrets.token_bytes(16)
_TOKEN = struct.Struct("<16sQQ")


class WireError(ValueError):
    """The bytes are no encoded message, or a string in it is not UTF-8."""


def without_weights(data: bytes) -> bytes:
    """The encoded model `data` with tokens for its large weights. Raises WireError."""
    changed = _walk(data, 0, len(data), _fields(ModelProto.DESCRIPTOR), 0)
    return data if changed is None else changed


def raw_bytes(tensor: TensorProto, data: bytes) -> memoryview:
    """The raw data of a tensor of a model made from `without_weights(data)`, not copied out of `data`."""
    raw = tensor.raw_data
    if len(raw) == _TOKEN.size and raw.startswith(_MARK):
        _, offset, length = _TOKEN.unpack(raw)
        return memoryview(data)[offset : offset + length]
    return memoryview(raw)


_STRING, _RAW = "string", "raw"


@cache
def _fields(message: Descriptor) -> dict[int, object]:
    """Field number -> what is done to it: `_STRING`, `_RAW` or the descriptor of a message to walk."""
    found: dict[int, object] = {}
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            found[field.number] = _STRING
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            found[field.number] = field.message_type
        elif field.full_name == "onnx.TensorProto.raw_data":
            found[field.number] = _RAW
    return found


def _walk(data: bytes, position: int, end: int, fields: dict[int, object], depth: int) -> bytes | None:
    """The message in data[position:end] with tokens, None where it needs none."""
    if depth > MAX_DEPTH:
        raise WireError("nested too deeply")
    pieces: list[bytes] = []
    copied = position
    while position < end:
        start = position
        key, position = _varint(data, position, end)
        if key & 7 != 2:
            position = _skipped(data, position, end, key & 7)
            continue
        length, position = _varint(data, position, end)
        stop = position + length
        if stop > end:
            raise WireError("truncated")
        replacement = _replaced(data, position, stop, fields.get(key >> 3), depth)
        if replacement is not None:
            pieces += [data[copied:start], _encoded(key), _encoded(len(replacement)), replacement]
            copied = stop
        position = stop
    if not pieces:
        return None
    return b"".join([*pieces, data[copied:end]])


def _replaced(data: bytes, start: int, stop: int, field: object, depth: int) -> bytes | None:
    if field is None:
        return None
    if field is _STRING:
        try:
            str(data[start:stop], "utf-8")
        except UnicodeDecodeError:
            raise WireError("a string is not UTF-8") from None
        return None
    if field is _RAW:
        return _TOKEN.pack(_MARK, start, stop - start) if stop - start >= MIN_BYTES else None
    assert isinstance(field, Descriptor)
    return _walk(data, start, stop, _fields(field), depth + 1)


def _skipped(data: bytes, position: int, end: int, wire_type: int) -> int:
    """The position after a value that is no byte string."""
    if wire_type == 0:
        return _varint(data, position, end)[1]
    width = {1: 8, 5: 4}.get(wire_type)
    if width is None or position + width > end:
        raise WireError("no such wire type, or truncated")
    return position + width


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """The number at `position`, and the position after it."""
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise WireError("truncated, or a number is too long")


def _encoded(value: int) -> bytes:
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)

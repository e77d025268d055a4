"""One cache entry as a file: a header, then named parts, each with a checksum.

    magic (8 bytes), length of the header (u32, little endian), sha256 of the header
    header: JSON {"format", "facts": what is known about the entry, "parts": {name: [offset, size, sha256]}}
    the parts, each at a multiple of 4096 bytes, so that it can be mapped into memory

An entry is checked as a whole before anything of it is used.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, BinaryIO

import numpy as np

MAGIC = b"TENONC\0\n"
FORMAT = 1
"""Of the header and of what artifacts are made of; entries of another format are not read."""

_START = struct.Struct("<8sI32s")
_PAGE = 4096
_LARGEST_HEADER = 1 << 20

Part = bytes | memoryview


class EntryError(Exception):
    """What is wrong with an entry, in a few words."""


class Entry:
    """The checked content of an open file. It stays readable when the file is removed or replaced."""

    def __init__(self, facts: Mapping[str, Any], content: mmap.mmap, places: Mapping[str, tuple[int, int]]):
        self.facts, self._content, self._places = facts, content, places

    def bytes(self, name: str) -> bytes:
        """A copy of a part."""
        offset, size = self._places[name]
        return self._content[offset : offset + size]

    def text(self, name: str) -> str:
        return self.bytes(name).decode()

    def array(self, name: str) -> np.ndarray:
        """A part as read-only bytes (uint8) of the mapped file: processes that have it share the memory."""
        offset, size = self._places[name]
        return np.frombuffer(self._content, np.uint8, size, offset) if size else np.empty(0, np.uint8)


def write_entry(file: BinaryIO, facts: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
    """The whole entry, into a file that is empty."""
    digests = {name: sha256(part).hexdigest() for name, part in parts.items()}
    start = 0
    while True:  # a larger start makes longer numbers, at most once or twice
        offset, places = start, {}
        for name, part in parts.items():
            size = memoryview(part).nbytes
            places[name] = [offset, size, digests[name]]
            offset += -(-size // _PAGE) * _PAGE
        header = json.dumps({"format": FORMAT, "facts": dict(facts), "parts": places}).encode()
        needed = -(-(_START.size + len(header)) // _PAGE) * _PAGE
        if needed <= start:
            break
        start = needed
    file.write(_START.pack(MAGIC, len(header), sha256(header).digest()) + header)
    for name, part in parts.items():
        file.seek(places[name][0])
        file.write(part)


def read_entry(file: int) -> Entry:
    """The entry in an open file, every part compared with its checksum. Raises `EntryError`; `OSError` where
    the file cannot be read."""
    size = os.fstat(file).st_size
    header = _header(file)
    places: dict[str, tuple[int, int]] = {}
    for name, (offset, length, _) in header["parts"].items():
        if length and offset + length > size:
            raise EntryError("is truncated")
        places[name] = offset, length
    content = mmap.mmap(file, size, access=mmap.ACCESS_READ)
    with memoryview(content) as view:
        for name, (offset, length, digest) in header["parts"].items():
            with view[offset : offset + length] as part:
                if sha256(part).hexdigest() != digest:
                    raise EntryError(f"is corrupt in its part '{name}'")
    return Entry(header["facts"], content, places)


def read_facts(file: int) -> Mapping[str, Any]:
    """What the header says, the parts unread. Raises as `read_entry`."""
    return _header(file)["facts"]


def _header(file: int) -> dict[str, Any]:
    start = os.pread(file, _START.size, 0)
    if len(start) < _START.size or not start.startswith(MAGIC):
        raise EntryError("is no cache entry, or is truncated")
    _, length, digest = _START.unpack(start)
    header = os.pread(file, min(length, _LARGEST_HEADER), _START.size)
    if sha256(header).digest() != digest:
        raise EntryError("is corrupt in its header")
    content = json.loads(header)
    if content["format"] != FORMAT:
        raise EntryError(f"has format {content['format']}, expected {FORMAT}")
    return content

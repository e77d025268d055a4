"""Reading and patching ELF64 relocatable files: their undefined symbols, and large content of a section."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SYMBOL_TABLE = 2
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


def undefined_symbols(data: bytes) -> list[str]:
    """Names of the symbols the object uses but does not define, in their order there."""
    sections = _sections(data)
    return [
        name
        for section in sections
        if section[1] == _SYMBOL_TABLE
        for name in _undefined(data, sections, section)
    ]


def object_before(data: bytes, section: str, size: int, alignment: int) -> bytes:
    """The object file `data`, padded, with `section` moved to its end: the `size` bytes that the caller
    writes after it are the content of the section. So they need not pass through the assembler."""
    sections = _sections(data)
    (names_index,) = struct.unpack_from("<H", data, 0x3E)
    names = sections[names_index][4]
    wanted = section.encode() + b"\0"
    (index,) = (i for i, s in enumerate(sections) if data.startswith(wanted, names + s[0]))
    padded = bytearray(data + b"\0" * (-len(data) % alignment))
    changed = list(sections[index])
    changed[4:6] = len(padded), size
    _SECTION.pack_into(padded, _table(data) + index * _SECTION.size, *changed)
    return bytes(padded)


def _table(data: bytes) -> int:
    """Where the section headers are."""
    return struct.unpack_from("<Q", data, 0x28)[0]


def _sections(data: bytes) -> list[tuple]:
    (count,) = struct.unpack_from("<H", data, 0x3C)
    return [_SECTION.unpack_from(data, _table(data) + i * _SECTION.size) for i in range(count)]


def _undefined(data: bytes, sections: list[tuple], section: tuple) -> Iterator[str]:
    start, size, link = section[4], section[5], section[6]
    names = sections[link][4]
    for at in range(start, start + size, _SYMBOL.size):
        name, _, _, home, _, _ = _SYMBOL.unpack_from(data, at)
        if home == 0 and name:
            yield data[names + name : data.index(b"\0", names + name)].decode()

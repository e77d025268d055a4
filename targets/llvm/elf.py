"""What an object file leaves to the linker: the undefined symbols of an ELF64 relocatable file."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SYMBOL_TABLE = 2
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


def undefined_symbols(data: bytes) -> list[str]:
    """Names of the symbols the object uses but does not define, in their order there."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    count = struct.unpack_from("<H", data, 0x3C)[0]
    sections = [_SECTION.unpack_from(data, table + i * _SECTION.size) for i in range(count)]
    return [
        name
        for section in sections
        if section[1] == _SYMBOL_TABLE
        for name in _undefined(data, sections, section)
    ]


def _undefined(data: bytes, sections: list[tuple], section: tuple) -> Iterator[str]:
    start, size, link = section[4], section[5], section[6]
    names = sections[link][4]
    for at in range(start, start + size, _SYMBOL.size):
        name, _, _, home, _, _ = _SYMBOL.unpack_from(data, at)
        if home == 0 and name:
            yield data[names + name : data.index(b"\0", names + name)].decode()

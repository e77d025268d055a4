"""Reading and patching ELF64 relocatable files: symbols, sizes, large content of a section."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SYMBOL_TABLE = 2
_FUNCTION = 2
_ALLOCATED = 2
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


def undefined_symbols(data: bytes) -> list[str]:
    """Names of the symbols the object uses but does not define, in their order there."""
    return [name for name, symbol in _symbols(data) if symbol[3] == 0 and name]


def function_sizes(data: bytes) -> dict[str, int]:
    """Bytes of code of each function the object defines."""
    return {name: symbol[5] for name, symbol in _symbols(data) if symbol[1] & 0xF == _FUNCTION and symbol[3]}


def loaded_bytes(data: bytes) -> int:
    """What a process gets of the object: its code and constants."""
    return sum(section[5] for section in _sections(data) if section[2] & _ALLOCATED)


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


def _symbols(data: bytes) -> Iterator[tuple[str, tuple]]:
    """Each symbol's name, with its fields."""
    sections = _sections(data)
    for table in sections:
        if table[1] != _SYMBOL_TABLE:
            continue
        start, size, names = table[4], table[5], sections[table[6]][4]
        for at in range(start, start + size, _SYMBOL.size):
            symbol = _SYMBOL.unpack_from(data, at)
            yield data[names + symbol[0] : data.index(b"\0", names + symbol[0])].decode(), symbol
